/**
 * Fails a test that leaves sockets, servers or timers behind. Call once at the top of a file with network tests. A short-lived timer of the
 * runner itself can hide one timer of the first test, never a socket.
 */
import { afterEach, beforeEach, expect } from 'vitest'
import { eventually } from './eventually.ts'

const WATCHED = /^(?:TCP|TLS|Pipe|Timeout|GetAddrInfo|HTTP)/

function handles(): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of process.getActiveResourcesInfo()) {
    if (WATCHED.test(name)) counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}

export function checkLeaks(): void {
  let before: Record<string, number> = {}
  beforeEach(() => {
    before = handles()
  })
  // Runs after the hooks of the file that were registered later, which close what a test has opened.
  afterEach(async () => {
    await eventually(() => {
      const left = Object.entries(handles()).filter(([name, count]) => count > (before[name] ?? 0))
      expect(left).toEqual([])
    })
  })
}
