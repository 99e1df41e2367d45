/** Ring 2's runner: where gost is missing (gost-setup.ts says why) every case is skipped by name, hooks included. */
import { inject, type RunnerTestFile, type RunnerTestSuite, TestRunner } from 'vitest'

function skip(suite: RunnerTestSuite): void {
  suite.mode = 'skip'
  for (const task of suite.tasks) {
    if (task.type === 'suite') skip(task)
    else task.mode = 'skip'
  }
}

export default class GostRunner extends TestRunner {
  onCollected(files: RunnerTestFile[]): void {
    if (inject('gostMissing') !== '') for (const file of files) skip(file)
  }
}
