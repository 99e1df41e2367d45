import { describe, expect, it } from 'vitest'
import { MASKED_VALUE, maskHeaders } from '../../../src/capture/mask.ts'

describe('maskHeaders', () => {
  it('hides the values that are always secrets and the configured ones, without case', () => {
    const mask = maskHeaders(['X-Api-Key'])
    expect(
      mask([
        ['Host', 'a'],
        ['authorization', 'Basic s'],
        ['Proxy-Authorization', 's'],
        ['COOKIE', 's'],
        ['Set-Cookie', 's1'],
        ['Set-Cookie', 's2'],
        ['x-api-key', 's']
      ])
    ).toEqual({
      headers: [
        ['Host', 'a'],
        ['authorization', MASKED_VALUE],
        ['Proxy-Authorization', MASKED_VALUE],
        ['COOKIE', MASKED_VALUE],
        ['Set-Cookie', MASKED_VALUE],
        ['Set-Cookie', MASKED_VALUE],
        ['x-api-key', MASKED_VALUE]
      ],
      masked: ['authorization', 'Proxy-Authorization', 'COOKIE', 'Set-Cookie', 'x-api-key']
    })
  })

  it('leaves the list it was given alone', () => {
    const headers: (readonly [string, string])[] = [['Cookie', 's']]
    maskHeaders()(headers)
    expect(headers).toEqual([['Cookie', 's']])
  })
})
