/** A question on the terminal; only a typed yes is a yes. */
import type { Io } from './io.ts'

/** Undefined without a terminal to ask on. Rejects with the signal's reason when that aborts first. */
export function confirmOn({ stdin, stderr }: Io, signal: AbortSignal): ((question: string) => Promise<boolean>) | undefined {
  if (stdin.isTTY !== true || stderr.isTTY !== true) return undefined
  return question =>
    new Promise((resolve, reject) => {
      let typed = ''
      const done = (): void => {
        stdin.off('data', onData).off('end', onEnd)
        signal.removeEventListener('abort', onAbort)
        stdin.pause()
      }
      const onEnd = (): void => {
        done()
        resolve(/^y(?:es)?$/i.test(typed.trim()))
      }
      const onData = (chunk: Buffer | string): void => {
        typed += chunk.toString()
        if (typed.includes('\n') || typed.length > 1_000) onEnd()
      }
      const onAbort = (): void => {
        done()
        reject(signal.reason)
      }
      if (signal.aborted) return onAbort()
      signal.addEventListener('abort', onAbort, { once: true })
      stdin.on('data', onData).on('end', onEnd)
      stdin.resume()
      stderr.write(`${question.trimEnd()} [y/N] `)
    })
}
