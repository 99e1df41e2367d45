/** A question on the terminal; only a typed yes is a yes: Ctrl-C is a no. */
import type { Io } from './io.ts'

/** Undefined without a terminal to ask on. No when the signal aborts first. */
export function confirmOn({ stdin, stderr }: Io, signal: AbortSignal): ((question: string) => Promise<boolean>) | undefined {
  if (stdin.isTTY !== true || stderr.isTTY !== true) return undefined
  return question =>
    new Promise(resolve => {
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
        stderr.write('\n')
        resolve(false)
      }
      if (signal.aborted) return resolve(false)
      signal.addEventListener('abort', onAbort, { once: true })
      stdin.on('data', onData).on('end', onEnd)
      stdin.resume()
      stderr.write(`${question.trimEnd()} [y/N] `)
    })
}
