import { defineConfig } from 'vitest/config'

/** One project per ring (ARCHITECTURE.md, "Tests"): unit = ring 1, tui = the built program in a terminal, peers = ring 2 (needs gost), e2e = ring 3 (needs a cluster). */
const common = {
  environment: 'node',
  pool: 'forks',
  testTimeout: 20_000,
  hookTimeout: 60_000,
  // Two shared cores, real processes and a kernel between them: one more try in CI, shown as such. Nowhere else.
  retry: process.env['CI'] === 'true' ? 1 : 0
} as const
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...common,
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'test/cli/**/*.test.ts', 'test/conformance/**/*.test.ts', 'test/*.test.ts'],
          exclude: ['test/conformance/**/*.peers.test.ts']
        }
      },
      {
        test: {
          ...common,
          name: 'peers',
          include: ['test/conformance/**/*.peers.test.ts', 'test/faults/**/*.test.ts'],
          globalSetup: ['test/harness/gost-setup.ts'],
          runner: 'test/harness/gost-runner.ts',
          testTimeout: 120_000,
          // Two files at a time: the gosts beside them want the cores too.
          maxWorkers: 2
        }
      },
      {
        test: {
          ...common,
          name: 'tui',
          include: ['test/tui/**/*.pty.test.ts'],
          testTimeout: 60_000,
          maxWorkers: 2
        }
      },
      {
        test: {
          ...common,
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 240_000,
          hookTimeout: 240_000,
          fileParallelism: false
        }
      }
    ]
  }
})
