import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Answer, compareAnswers } from '../../../src/capture/compare.ts'
import { diffLines } from '../../../src/capture/diff.ts'
import { canonicalJson, jsonDifferences, parseJson } from '../../../src/capture/diff-json.ts'
import type { Header } from '../../../src/event/types.ts'

const answer = (body: string | Buffer, headers: Header[] = [], status = 200): Answer => {
  const bytes = Buffer.from(body as string)
  return { status, headers, body: { bytes, size: bytes.length, truncated: false } }
}
const json = (value: unknown, ...headers: Header[]): Answer =>
  answer(JSON.stringify(value), [['Content-Type', 'application/json'], ...headers])

describe('compareAnswers', () => {
  it('takes two answers for equal that differ in time, length and order only', () => {
    const before = json({ a: 1, b: [1, 2] }, ['Date', 'yesterday'], ['Content-Length', '19'], ['X-Request-Id', '1'])
    const after = answer('{ "b": [1, 2],\n "a": 1 }', [
      ['content-type', 'application/json'],
      ['date', 'today'],
      ['Age', '3']
    ])
    expect(compareAnswers(before, after)).toMatchObject({ equal: true, headers: [] })
  })

  it('names status, headers, and the paths of JSON values that differ', () => {
    const before = json({ items: [{ price: 3, name: 'x' }], old: true }, ['X-Version', '1'])
    const after = answer(
      '{"items":[{"price":4,"name":"x"}],"new":null}',
      [
        ['Content-Type', 'application/json'],
        ['X-Version', '2']
      ],
      500
    )
    const compared = compareAnswers(before, after)
    expect(compared).toMatchObject({ equal: false, status: '200 → 500', headers: ['x-version: 1 → 2'] })
    expect(compared.body?.split('\n')).toEqual(['$.items[0].price: 3 → 4', '$.old: gone, was true', '$.new: new, null'])
    expect(compared.lines).toContainEqual({ mark: '-', text: '      "price": 3' })
    expect(compared.lines).toContainEqual({ mark: '+', text: '      "price": 4' })
  })

  it('compares text by lines and says how many differ', () => {
    const { body, lines } = compareAnswers(answer('a\nb\nc\n'), answer('a\nB\nc\nd\n'))
    expect(body).toBe('1 line gone, 2 new')
    expect(lines.map(({ mark, text }) => mark + text)).toEqual([' a', '-b', '+B', ' c', '+d', ' '])
  })

  it('compares packed bodies unpacked, and other bytes by the first difference', () => {
    const packed = answer(gzipSync('same'), [['Content-Encoding', 'gzip']])
    expect(compareAnswers(packed, answer('same')).equal).toBe(true)
    expect(compareAnswers(answer(Buffer.from([0, 1, 2])), answer(Buffer.from([0, 1, 3, 4]))).body).toBe(
      '3 → 4 bytes, the first difference at 2'
    )
  })

  it('never tells a secret value, and looks only at which cookies are set', () => {
    const before = answer('', [
      ['Set-Cookie', 'session=s3cret-1; Path=/'],
      ['X-Api-Key', 'k3y-1']
    ])
    const after = answer('', [
      ['Set-Cookie', 'session=s3cret-2; Path=/'],
      ['X-Api-Key', 'k3y-2']
    ])
    const compared = compareAnswers(before, after)
    expect(compared.headers).toEqual(['x-api-key: •••••• → ••••••'])
    expect(compareAnswers(before, answer('', [['X-Api-Key', 'k3y-1']])).headers).toEqual(['set-cookie: gone, was ••••••'])
  })

  it('says of bodies that were not kept whole only what is known', () => {
    const cut = { ...answer('x'.repeat(10)), body: { bytes: Buffer.from('x'), size: 10, truncated: true } }
    expect(compareAnswers(cut, answer('x'.repeat(11))).body).toBe('10 → 11 bytes')
  })

  it('compares what was kept of a large body with the same part of a whole one', () => {
    const whole = JSON.stringify({ text: 'é'.repeat(9_000) })
    const bytes = Buffer.from(whole)
    const cut: Answer = { status: 200, headers: [], body: { bytes: bytes.subarray(0, 4_096), size: bytes.length, truncated: true } }
    expect(compareAnswers(cut, answer(whole))).toMatchObject({ equal: true, partial: true })
    expect(compareAnswers(answer(whole), cut)).toMatchObject({ equal: true, partial: true })
    const other = compareAnswers(cut, answer(whole.replace('é', 'è')))
    expect(other.body).toBe(`${bytes.length} → ${bytes.length} bytes, the first difference at 10`)
    expect(compareAnswers(cut, answer(whole.slice(0, 500))).equal).toBe(false)
    expect(compareAnswers(answer(whole), answer(whole))).not.toHaveProperty('partial')
  })

  it('does not take packed and unpacked lengths of one body for different', () => {
    const text = Array.from({ length: 2_000 }, (_, index) => `line ${index}\n`).join('')
    const packed = gzipSync(text)
    const part = packed.subarray(0, 2_048)
    const kept: Answer = {
      status: 200,
      headers: [['Content-Encoding', 'gzip']],
      body: { bytes: part, size: packed.length, truncated: true }
    }
    expect(compareAnswers(kept, answer(text))).toMatchObject({ equal: true, partial: true })
    expect(compareAnswers(answer(text), kept)).toMatchObject({ equal: true, partial: true })
    expect(compareAnswers(kept, answer(text.replace('line 3\n', 'line x\n'))).equal).toBe(false)
  })

  it('cannot tell a value that a recording hides from a new one', () => {
    const hidden = answer('', [['Set-Cookie', '••••••']])
    expect(compareAnswers(hidden, answer('', [['Set-Cookie', 'session=2']])).equal).toBe(true)
    expect(compareAnswers(hidden, answer('')).headers).toEqual(['set-cookie: gone, was ••••••'])
  })
})

describe('jsonDifferences', () => {
  it('finds none exactly when both have the same canonical form', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.jsonValue({ maxDepth: 4 }), (a, b) => {
        const equal = canonicalJson(a) === canonicalJson(b)
        expect(jsonDifferences(JSON.parse(JSON.stringify(a)), JSON.parse(JSON.stringify(b))).length === 0).toBe(equal)
      })
    )
  })

  it('tells whole numbers apart that no double can', () => {
    const [a, b] = ['{"id":9007199254740993}', '{"id":9007199254740992}'].map(text => parseJson(text)?.value)
    expect(jsonDifferences(a, b)).toEqual(['$.id: 9007199254740993 → 9007199254740992'])
    expect(canonicalJson(a)).toBe('{\n  "id": 9007199254740993\n}')
    expect(jsonDifferences(parseJson('[-0, 1.0]')?.value, parseJson('[0, 1]')?.value)).toEqual([])
  })

  it('leaves what nests absurdly deep, or is no JSON, to be compared as text', () => {
    for (const levels of [3_000, 500_000]) expect(parseJson('['.repeat(levels) + ']'.repeat(levels))).toBeUndefined()
    expect(parseJson('{"a":')).toBeUndefined()
    expect(parseJson(`["${'['.repeat(3_000)}\\"["]`)).toBeDefined()
    const deep = canonicalJson(parseJson('['.repeat(500) + ']'.repeat(500))?.value)
    expect(deep.split('\n')).toHaveLength(999)
  })

  it('is bounded in depth and number', () => {
    const deep = (levels: number, end: unknown): unknown =>
      JSON.parse('['.repeat(levels) + JSON.stringify(end) + ']'.repeat(levels)) as unknown
    expect(jsonDifferences(deep(1_000, 1), deep(1_000, 2))).toHaveLength(1)
    expect(
      jsonDifferences(
        Array.from({ length: 500 }, () => 1),
        Array.from({ length: 500 }, () => 2)
      )
    ).toHaveLength(50)
  })
})

describe('diffLines', () => {
  const side = (marks: string, lines: readonly { mark: string; text: string }[]): string[] =>
    lines.filter(({ mark }) => marks.includes(mark)).map(({ text }) => text)
  it('keeps both texts whole', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', 'c')), fc.array(fc.constantFrom('a', 'b', 'c')), (a, b) => {
        const lines = diffLines(a, b)
        expect([side(' -', lines), side(' +', lines)]).toEqual([a, b])
      })
    )
  })

  it('tells the middle of very long texts whole', () => {
    const a = Array.from({ length: 3_000 }, (_, index) => `a${index}`)
    const b = Array.from({ length: 3_000 }, (_, index) => `b${index}`)
    expect(diffLines(['same', ...a], ['same', ...b])).toHaveLength(6_001)
  })
})
