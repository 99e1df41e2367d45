import { PassThrough, Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { flush } from '../../../src/cli/exit.ts'
import { unblock } from '../../../src/cli/unblock.ts'

describe('flush', () => {
  it('waits until a slow reader has everything', async () => {
    const stream = new PassThrough({ highWaterMark: 1 })
    stream.write('x'.repeat(10))
    stream.write('y')
    let done = false
    const flushed = flush([stream]).then(() => {
      done = true
    })
    await Promise.resolve()
    expect(done).toBe(false)
    stream.resume()
    await flushed
    expect(stream.writableLength).toBe(0)
  })

  it('does not wait for a stream that failed, ended or holds nothing', async () => {
    const failing = new Writable({ write: (_chunk, _encoding, done) => done(new Error('gone')) })
    failing.on('error', () => {})
    failing.write('x')
    const ended = new PassThrough()
    ended.end()
    await flush([failing, ended, new PassThrough()])
    expect(failing.errored).toBeInstanceOf(Error)
  })
})

describe('unblock', () => {
  it('makes writes to a terminal asynchronous, and leaves pipes alone', () => {
    const calls: boolean[] = []
    const handle = { setBlocking: (blocking: boolean) => calls.push(blocking) }
    const stream = (isTTY: boolean) => Object.assign(new PassThrough(), { isTTY, _handle: handle })
    unblock(stream(false))
    unblock(stream(true))
    unblock(Object.assign(new PassThrough(), { isTTY: true }))
    expect(calls).toEqual([false])
  })
})
