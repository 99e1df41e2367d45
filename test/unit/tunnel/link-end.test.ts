import { expect, it } from 'vitest'
import { ProtocolError } from '../../../src/base/errors.ts'
import { linkEnd } from '../../../src/tunnel/link-end.ts'

/** What smux says when its connection broke. */
const closedBy = (code?: string): ProtocolError =>
  new ProtocolError('SMUX_CLOSED', 'the connection ended', code === undefined ? {} : { cause: Object.assign(new Error(code), { code }) })

it.each([
  ['was closed by us', undefined, false],
  ['was ended by the server', closedBy(), false],
  ['was reset by the server', closedBy('ECONNRESET'), false],
  ['broke without a way to the server', closedBy('EHOSTUNREACH'), true],
  ['was given up by the system', closedBy('ETIMEDOUT'), true]
])('knows whether a link that %s leaves a ghost', (_how, error, ghost) => {
  expect(linkEnd(error, false)).toEqual({ error, ghost })
})

it.each([
  ['was closed by us', undefined, true],
  ['was ended by the server', closedBy(), false],
  ['was reset by the server', closedBy('ECONNRESET'), false],
  ['broke without a way to the server', closedBy('EHOSTUNREACH'), true],
  ['sent what is not smux', new ProtocolError('SMUX_VERSION', 'version 9'), true]
])('knows whether a silent link that %s leaves a ghost', (_how, error, ghost) => {
  expect(linkEnd(error, true)).toEqual({ error, ghost })
})
