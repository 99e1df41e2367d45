/** A look at one HTTP/1 exchange while it passes, for whoever gets a copy of it. It never delays the exchange and keeps nothing that it is lent. */
import type { Endpoint } from '../base/connection.ts'
import type { Asked } from './personal.ts'
import type { Connector } from './registry.ts'

export interface Tapped {
  /** Answers the visitor. */
  connector: Connector
  /** The visitor. */
  source: Endpoint
  /** Of the clock. */
  startedAt: number
  /** The request's head as it goes to the app. */
  head: Buffer
  /** What it asks for, as filters see it. */
  asked: () => Asked
}

/** Bytes are lent: whoever keeps them copies them. */
export interface Tap {
  /** Body bytes as they travel, chunk lines included. */
  requestBody(bytes: Buffer): void
  /** The final head, as the app sent it. */
  responseHead(raw: Buffer): void
  responseBody(bytes: Buffer): void
  /** `whole`: the visitor's request and its answer passed to their ends. Only the first call counts. */
  end(whole: boolean): void
}

/** Undefined: nobody wants to see this exchange. Called for each attempt of each request that is no upgrade. */
export type OpenTap = (tapped: Tapped) => Tap | undefined
