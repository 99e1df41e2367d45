/** Nonces on their way: who sent a probe waits here, who meets it in a stream or a request tells. */

export interface Arrival {
  /** Key of the connector over which the probe came back. */
  connector: string
  /** What the server calls itself (`Gost-Forwarded-Node`); only a request tells. */
  node: string | undefined
}

export interface Expected {
  arrived: Promise<Arrival>
  cancel: () => void
}

export interface ProbeBoard {
  expect(nonce: string): Expected
  /** False when the nonce is not ours: the stream then goes its normal way. */
  arrive(nonce: string, connector: string, node?: string): boolean
  /** Path probes in flight: while there are some, the gate reads request heads. */
  readonly pendingPaths: number
  expectPath(nonce: string): Expected
}

export function probeBoard(): ProbeBoard {
  const waiting = new Map<string, (arrival: Arrival) => void>()
  let pendingPaths = 0
  const expect = (nonce: string): Expected => {
    const { promise, resolve } = Promise.withResolvers<Arrival>()
    waiting.set(nonce, resolve)
    return { arrived: promise, cancel: () => waiting.delete(nonce) }
  }
  return {
    expect,
    arrive(nonce, connector, node) {
      const resolve = waiting.get(nonce)
      if (resolve === undefined) return false
      waiting.delete(nonce)
      resolve({ connector, node })
      return true
    },
    get pendingPaths() {
      return pendingPaths
    },
    expectPath(nonce) {
      const expected = expect(nonce)
      let open = true
      pendingPaths += 1
      return {
        ...expected,
        cancel: () => {
          expected.cancel()
          if (open) pendingPaths -= 1
          open = false
        }
      }
    }
  }
}
