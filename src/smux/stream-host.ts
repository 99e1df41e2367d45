import type { Stream } from './bare-stream.ts'
import type { Sender } from './writer.ts'

/** What a stream needs of its session. */
export interface StreamHost {
  readonly finOnEnd: boolean
  readonly halfClose: boolean
  /** Of the connection. */
  readonly copies: boolean
  ready(sender: Sender): void
  update(id: number): void
  /** No frame of this stream matters any more. */
  gone(stream: Stream): void
}
