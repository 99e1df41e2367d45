import { describe, expect, it } from 'vitest'
import { ProtocolError } from '../../../src/base/errors.ts'
import { encodeRequest, encodeResponse } from '../../../src/http/encode.ts'
import { parseRequestHead, parseResponseHead } from '../../../src/http/head.ts'
import { hasToken, header } from '../../../src/http/header.ts'

describe('header', () => {
  const head = {
    headers: [
      ['Host', 'a'],
      ['X', '1'],
      ['x', '2'],
      ['Connection', 'keep-alive, Upgrade']
    ] as const
  }

  it('finds values without case and joins several', () => {
    expect(header(head, 'hOST')).toBe('a')
    expect(header(head, 'X')).toBe('1, 2')
    expect(header(head, 'Y')).toBeUndefined()
  })

  it('finds whole tokens only', () => {
    expect(hasToken(head, 'connection', 'upgrade')).toBe(true)
    expect(hasToken(head, 'connection', 'up')).toBe(false)
    expect(hasToken(head, 'te', 'trailers')).toBe(false)
  })
})
