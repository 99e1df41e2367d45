/**
 * Global setup of ring 2: builds the gosts once (seconds when cached). Where that is impossible the whole ring is skipped by name with
 * the reason (gost-runner.ts reads it), unless REQUIRE_PEERS=1, as in CI: then the ring fails.
 */
import type { TestProject } from 'vitest/node'
import { peerProgram } from './gost.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Why there is no gost to test with; empty when there is. */
    gostMissing: string
  }
}

function reasonOf(error: unknown): string {
  const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr) : ''
  const line = stderr
    .split('\n')
    .toReversed()
    .find(text => text.startsWith('error: '))
  return line?.slice('error: '.length) ?? (error instanceof Error ? error.message : String(error))
}

export function setup(project: TestProject): void {
  let missing = ''
  try {
    peerProgram('gost-3.2.6')
    peerProgram('gost-nightly')
  } catch (error) {
    missing = reasonOf(error)
    if (process.env['REQUIRE_PEERS'] === '1') throw new Error(`the tests with gost cannot run: ${missing}`, { cause: error })
    console.error(`ring 2 is skipped: ${missing}`)
  }
  project.provide('gostMissing', missing)
}
