import { describe, expect, it } from 'vitest'
import { PlainAnswer } from '../../../src/http/plain-answer.ts'
import { feedEveryWay } from '../../harness/feed.ts'

const after = (chunks: readonly Buffer[], method = 'GET'): { complete: boolean; keeps: boolean } => {
  const answer = new PlainAnswer(method)
  for (const chunk of chunks) answer.push(chunk)
  return { complete: answer.complete, keeps: answer.keeps }
}

const HEAD = 'HTTP/1.1 200 OK\r\n'

describe('an answer to a plain request', () => {
  it.each([
    ['a length', `${HEAD}Content-Length: 2\r\n\r\nab`, 'GET', true, true],
    ['chunks and trailers', `${HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX: y\r\n\r\n`, 'GET', true, true],
    ['no body for HEAD', `${HEAD}Content-Length: 2\r\n\r\n`, 'HEAD', true, true],
    ['304', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n', 'GET', true, true],
    ['103 before it', `HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${HEAD}Content-Length: 0\r\n\r\n`, 'GET', true, true],
    ['Connection: close', `${HEAD}Connection: close\r\nContent-Length: 0\r\n\r\n`, 'GET', true, false],
    ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n', 'GET', true, false],
    ['half of it', `${HEAD}Content-Length: 2\r\n\r\na`, 'GET', false, false],
    ['half of a head', `${HEAD}Content-Length: 2\r\n`, 'GET', false, false],
    ['no length', `${HEAD}\r\nab`, 'GET', false, false],
    ['two lengths', `${HEAD}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`, 'GET', false, false],
    ['length and chunks', `${HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 'GET', false, false],
    ['bytes behind it', `${HEAD}Content-Length: 2\r\n\r\nabHTTP/1.1 200`, 'GET', false, false],
    ['another protocol', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n', 'GET', false, false],
    ['no HTTP', 'SSH-2.0-x\r\n\r\n', 'GET', false, false]
  ])('with %s, however it arrives', (_name, text, method, complete, keeps) => {
    feedEveryWay(Buffer.from(text), chunks => expect(after(chunks, method)).toEqual({ complete, keeps }))
  })

  it('is never complete once something else was sent', () => {
    const answer = new PlainAnswer('GET')
    answer.spoil()
    answer.push(Buffer.from(`${HEAD}Content-Length: 0\r\n\r\n`))
    expect(answer.complete).toBe(false)
  })
})
