import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CommandError, runCommand } from '../../../src/process/run-command.ts'

const env = { PATH: process.env['PATH'] }
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'run-command-'))
})
afterAll(() => rm(folder, { recursive: true }))

const failureOf = async (run: Promise<unknown>): Promise<CommandError> => {
  const error = await run.then(
    () => undefined,
    (thrown: unknown) => thrown
  )
  expect(error).toBeInstanceOf(CommandError)
  return error as CommandError
}

test('returns what the program wrote, without its last newline', async () => {
  expect(await runCommand('sh', ['-c', 'echo out; echo err >&2'], { env })).toEqual({ stdout: 'out', stderr: 'err' })
})

test('gives the child exactly the given environment', async () => {
  const { stdout } = await runCommand('sh', ['-c', 'echo "$A-$HOME-${B-unset}"'], { env: { ...env, A: 'a', B: undefined } })
  expect(stdout).toBe('a--unset')
})

test('passes arguments without a shell between', async () => {
  const { stdout } = await runCommand('printf', ['%s|', 'a b', '$HOME', '*'], { env })
  expect(stdout).toBe('a b|$HOME|*|')
})

test('writes text to stdin, or closes it', async () => {
  expect((await runCommand('cat', [], { env, stdin: { text: 'hello' } })).stdout).toBe('hello')
  expect((await runCommand('cat', [], { env })).stdout).toBe('')
})

test('says that the program was not found', async () => {
  const error = await failureOf(runCommand('no-such-program-here', [], { env }))
  expect(error).toMatchObject({ failure: 'not-found', message: 'no-such-program-here was not found' })
})

test('says that the file cannot be executed', async () => {
  const file = path.join(folder, 'plain.txt')
  await writeFile(file, 'text', { mode: 0o644 })
  expect(await failureOf(runCommand(file, [], { env }))).toMatchObject({ failure: 'not-executable' })
})

test('names the exit code and the last lines of stderr', async () => {
  const error = await failureOf(runCommand('sh', ['-c', 'for i in 1 2 3 4 5; do echo line $i >&2; done; exit 3'], { env }))
  expect(error).toMatchObject({ failure: 'exit', exitCode: 3, message: 'sh ended with exit code 3: line 3 · line 4 · line 5' })
})

test('ends a program that takes too long', async () => {
  expect(await failureOf(runCommand('sleep', ['30'], { env, timeoutMs: 50 }))).toMatchObject({
    failure: 'timeout',
    message: 'sleep did not finish within 0.05 s'
  })
})

test('ends the program when aborted and rejects with the reason', async () => {
  const controller = new AbortController()
  const running = runCommand('sleep', ['30'], { env, signal: controller.signal })
  controller.abort(new Error('enough'))
  await expect(running).rejects.toThrow('enough')
})

test('names the signal that ended the program', async () => {
  expect(await failureOf(runCommand('sh', ['-c', 'kill -TERM $$'], { env }))).toMatchObject({ failure: 'signal' })
})

test('stops a program that floods its output', async () => {
  expect(await failureOf(runCommand('sh', ['-c', 'yes'], { env }))).toMatchObject({ failure: 'output' })
})
