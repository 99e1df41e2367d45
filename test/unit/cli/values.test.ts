import { describe, expect, it } from 'vitest'
import { InterceptError } from '../../../src/base/errors.ts'
import { orList, readChoice, readDuration, readPercent, readUrl, readUuid, readWhole } from '../../../src/cli/values.ts'

const typed = (text: string) => ({ flag: '--x', text })

describe('values of flags', () => {
  it.each([
    ['25', 0.25],
    ['25%', 0.25],
    ['100', 1],
    ['1', 0.01],
    ['12.5%', 0.125]
  ])('reads the percentage %s', (text, share) => {
    expect(readPercent(typed(text))).toBeCloseTo(share, 10)
  })

  it.each(['0', '0.25', '101', '-1', '25%%', 'a', '', '1e1', ' 25'])('refuses the percentage "%s"', text => {
    expect(() => readPercent(typed(text))).toThrow(/--x must be a percentage from 1 to 100/)
  })

  it.each([
    ['10s', 10_000],
    ['1m30s', 90_000],
    ['500ms', 500],
    ['1.5s', 1_500],
    ['1h', 3_600_000],
    ['0', 0]
  ])('reads the duration %s', (text, ms) => {
    expect(readDuration(typed(text))).toBe(ms)
  })

  it.each(['10', 's', '10 s', '-1s', '1d', '25h', '1s1', ''])('refuses the duration "%s"', text => {
    expect(() => readDuration(typed(text))).toThrow(InterceptError)
  })

  it.each(['0', '256', '300', '1.5', '-1', '', '0x10', '1e2', '99999999999999999999'])('refuses "%s" as a number from 1 to 255', text => {
    expect(() => readWhole(typed(text), { min: 1, max: 255, example: 9 })).toThrow(/whole number from 1 to 255/)
  })

  it('reads a UUID in any spelling', () => {
    const uuid = '10bc451e-59dc-4c70-999e-91a30813ac78'
    expect(readUuid(typed(uuid.toUpperCase()))).toBe(uuid)
    expect(readUuid(typed(`${uuid.replaceAll('-', '')}\n`))).toBe(uuid)
  })

  it('keeps a bad UUID out of the message', () => {
    expect(() => readUuid(typed('secret-10bc451e'))).toThrow(/^(?!.*secret)/)
    expect(() => readUuid(typed('10bc451e-59dc-4c70-999e-91a30813ac7'))).toThrow(/is not a UUID/)
  })

  it('reads URLs of the schemes asked for only, and masks a login', () => {
    expect(readUrl(typed('ws://h:1/p'), ['ws'], 'ws://x').href).toBe('ws://h:1/p')
    expect(() => readUrl(typed('http://h'), ['ws', 'wss'], 'ws://x')).toThrow(/a URL with ws:\/\/ or wss:\/\//)
    expect(() => readUrl(typed('ws://'), ['ws'], 'ws://x')).toThrow(InterceptError)
    expect(() => readUrl(typed('http://u:geheim@h'), ['ws'], 'ws://x')).toThrow(/^(?!.*geheim)/)
  })

  it('reads a choice exactly', () => {
    expect(readChoice(typed('wait'), ['wait', 'cluster'])).toBe('wait')
    expect(() => readChoice(typed('Wait'), ['wait', 'cluster'])).toThrow('--x must be wait or cluster, not "Wait"')
  })

  it('joins alternatives as people write them', () => {
    expect([orList([]), orList(['a']), orList(['a', 'b']), orList(['a', 'b', 'c'])]).toEqual(['', 'a', 'a or b', 'a, b or c'])
  })
})
