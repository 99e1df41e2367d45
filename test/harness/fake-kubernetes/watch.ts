/** One running watch of the fake API server. */
import type { ServerResponse } from 'node:http'
import type { Kind } from '../../../src/kube/types.ts'
import type { Change, FakeObject, FakeStore } from './store.ts'

export interface WatchRequest {
  kind: Kind
  namespace: string | undefined
  since: number
  matches: (object: FakeObject) => boolean
  bookmarks: boolean
  timeoutSeconds: number
}

export class FakeWatch {
  readonly #response: ServerResponse
  readonly #store: FakeStore
  readonly #request: WatchRequest
  readonly #listener = (change: Change): void => this.#send(change)
  readonly closed: Promise<void>

  constructor(response: ServerResponse, store: FakeStore, request: WatchRequest) {
    this.#response = response
    this.#store = store
    this.#request = request
    this.closed = new Promise(resolve => {
      response.once('close', () => {
        store.listeners.delete(this.#listener)
        resolve()
      })
    })
    response.writeHead(200, { 'Content-Type': 'application/json' })
    response.flushHeaders()
    const past = store.since(request.since)
    if (past === undefined) {
      this.#line({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' } })
      response.end()
      return
    }
    for (const change of past) this.#send(change)
    store.listeners.add(this.#listener)
    const timer = setTimeout(() => this.end(), request.timeoutSeconds * 1000)
    response.once('close', () => clearTimeout(timer))
  }

  bookmark(): void {
    if (this.#request.bookmarks)
      this.#line({ type: 'BOOKMARK', object: { kind: 'X', metadata: { resourceVersion: String(this.#store.version) } } })
  }

  end(): void {
    this.#store.listeners.delete(this.#listener)
    this.#response.end()
  }

  #send({ kind, type, object }: Change): void {
    const { namespace, matches } = this.#request
    if (kind !== this.#request.kind || (namespace !== undefined && object.metadata.namespace !== namespace) || !matches(object)) return
    this.#line({ type, object })
  }

  #line(value: unknown): void {
    this.#response.write(`${JSON.stringify(value)}\n`)
  }
}
