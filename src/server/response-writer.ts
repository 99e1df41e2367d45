/**
 * The app's answer on its way to the visitor, once its head is known to be the last one: head and body as they come, in as few writes as there can
 * be, and no faster than the visitor takes them. Where the body ends is for its framing to say; what then becomes of the connection is not decided here.
 */
import type { Connection } from '../base/connection.ts'
import { BodyFramer } from '../http/framer.ts'
import type { BareStream } from '../smux/types.ts'
import { writeBounded } from './byte-writer.ts'
import type { PlannedResponse } from './response-plan.ts'
import type { Tap } from './tap.ts'

/** Copied behind its head; more is written as it is. */
const ONE_WRITE_BYTES = 16_384

/** Who reads the answer from the app. */
export interface ResponseSource {
  /** The visitor takes more again. */
  onRoom(): void
  /** The visitor takes nothing any more. */
  cutShort(): void
}

export class ResponseWriter {
  readonly plan: PlannedResponse
  /** Gets a copy of the body. */
  tap: Tap | undefined
  /** The visitor takes no more for now. */
  full = false

  readonly #source: ResponseSource
  readonly #visitor: Connection
  readonly #body: BodyFramer

  constructor(source: ResponseSource, plan: PlannedResponse, visitor: Connection) {
    this.#source = source
    this.plan = plan
    this.#visitor = visitor
    this.#body = new BodyFramer(plan.framing)
  }

  /** All of the answer has been written. */
  get done(): boolean {
    return this.#body.done
  }

  /** The head, and in the same bytes what has come of a small body: one write for most answers. `rest` came with the head. */
  begin(rest: Buffer, stream: Pick<BareStream, 'available' | 'take'>): void {
    const { forward } = this.plan
    const more = rest.length > 0 || this.done || stream.available > ONE_WRITE_BYTES ? rest : (stream.take() ?? rest)
    if (more.length === 0 || this.done) this.#write(forward)
    else if (more.length <= ONE_WRITE_BYTES) this.#write(together(forward, this.#cut(more)))
    else if (this.#write(forward)) this.#write(this.#cut(more))
  }

  /** More of the body; what follows its end is left out. Throws a ProtocolError when it cannot be framed. */
  push(chunk: Buffer): void {
    this.#write(this.#cut(chunk))
  }

  /** The part of the chunk that is body. */
  #cut(chunk: Buffer): Buffer {
    const { consumed } = this.#body.push(chunk)
    const bytes = consumed === chunk.length ? chunk : chunk.subarray(0, consumed)
    this.tap?.responseBody(bytes)
    return bytes
  }

  /** False when the visitor takes nothing any more. */
  #write(bytes: Buffer): boolean {
    const visitor = this.#visitor
    if (this.done && visitor.writableLength === 0 && !visitor.destroyed && !visitor.writableEnded) {
      visitor.write(bytes)
      return true
    }
    const room = writeBounded(visitor, bytes)
    if (room === true) return true
    if (room === false) {
      this.#source.cutShort()
      return false
    }
    this.full = true
    void room.then(there => {
      this.full = false
      if (there) this.#source.onRoom()
      else this.#source.cutShort()
    })
    return true
  }
}

/** In one piece: without a copy where the one lies behind the other already. */
function together(head: Buffer, body: Buffer): Buffer {
  const follows = head.buffer === body.buffer && head.byteOffset + head.length === body.byteOffset
  return follows ? Buffer.from(head.buffer, head.byteOffset, head.length + body.length) : Buffer.concat([head, body])
}
