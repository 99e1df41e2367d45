/** One question over a connection of ours: bytes out, an answer read from what comes in, then the connection is dropped. */
import type { Dial } from '../base/connection.ts'

export interface Question<T> {
  bytes: Buffer | string
  /** The answer, once the chunks so far hold one. What it throws is the rejection. */
  read: (chunk: Buffer) => T | undefined
  /** What an end before an answer means; absent: a failure. */
  atEnd?: () => T
}

/** Rejects when the connection fails or ends before an answer; `signal` bounds the wait. */
export async function ask<T>(dial: Dial, question: Question<T>, signal: AbortSignal): Promise<T> {
  const connection = await dial(signal)
  try {
    connection.write(question.bytes)
    return await new Promise<T>((resolve, reject) => {
      connection.on('data', (chunk: Buffer) => {
        try {
          const answer = question.read(chunk)
          if (answer !== undefined) resolve(answer)
        } catch (error) {
          reject(error)
        }
      })
      connection.on('end', () => {
        if (question.atEnd === undefined) reject(new Error('the connection ended before an answer'))
        else resolve(question.atEnd())
      })
      connection.on('error', reject)
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      if (signal.aborted) reject(signal.reason)
    })
  } finally {
    connection.on('error', () => {}) // we are done with it
    connection.destroy()
  }
}
