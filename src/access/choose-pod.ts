/** Which pod of a Service a connection goes to: the one with the fewest open connections; among equals they take turns. */

export interface PodPort {
  namespace: string
  pod: string
  port: number
}

export interface PodChooser {
  /** All of them, best first. */
  order(pods: readonly PodPort[]): PodPort[]
  /** A connection to it is open; call what it returns once it is not. */
  opened(pod: PodPort): () => void
}

const keyOf = ({ namespace, pod }: PodPort): string => `${namespace}/${pod}`

export function podChooser(): PodChooser {
  const open = new Map<string, number>()
  let turn = 0
  const count = (pod: PodPort): number => open.get(keyOf(pod)) ?? 0
  return {
    order(pods) {
      if (pods.length < 2) return [...pods]
      turn = (turn + 1) % 0x4000_0000
      const start = turn % pods.length
      return [...pods.slice(start), ...pods.slice(0, start)].sort((a, b) => count(a) - count(b))
    },
    opened(pod) {
      const key = keyOf(pod)
      open.set(key, count(pod) + 1)
      let counted = true
      return () => {
        if (!counted) return
        counted = false
        const left = count(pod) - 1
        if (left > 0) open.set(key, left)
        else open.delete(key)
      }
    }
  }
}
