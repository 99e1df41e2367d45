/** For `load.measure.ts` alone, which needs the machine to itself: `vitest run --config test/e2e/measure.config.ts`, in the cluster's network. */
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['*.measure.ts'],
    environment: 'node',
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 240_000
  }
})
