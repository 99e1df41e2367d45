/** A terminal that stands still (Ctrl-S, a paused pane) must not stop traffic: Node writes to terminals synchronously unless told otherwise. */
import type { Writable } from 'node:stream'

interface TerminalHandle {
  setBlocking?: (blocking: boolean) => unknown
}

/** Node has no public switch for this; without the handle (pipes, files, tests) nothing changes. */
export function unblock(stream: Writable & { isTTY?: boolean }): void {
  if (stream.isTTY !== true) return
  const { _handle: handle } = stream as Writable & { _handle?: TerminalHandle | null }
  handle?.setBlocking?.(false)
}
