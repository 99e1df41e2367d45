import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { InterceptError } from '../../../src/base/errors.ts'
import { eventually } from '../../harness/eventually.ts'
import { editText } from '../../../src/process/editor.ts'

let folder = ''
let tmpDir = ''
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'editor-'))
  tmpDir = path.join(folder, 'tmp with blanks')
  await mkdir(tmpDir)
})
afterEach(async () => {
  expect(await readdir(tmpDir)).toEqual([])
  await rm(folder, { recursive: true })
})

/** A command that runs this program as an editor; `file` is the last argument. */
async function editor(body: string): Promise<string> {
  const program = path.join(folder, "an 'editor.mjs")
  await writeFile(program, `import fs from 'node:fs'\nconst file = process.argv.at(-1)\n${body}\n`)
  return `"${process.execPath}" "${program}"`
}

const edit = (text: string, env: Record<string, string | undefined>, more: { signal?: AbortSignal; platform?: string } = {}) =>
  editText(text, { env: { PATH: process.env['PATH'], ...env }, suffix: '.http', tmpDir, ...more })

const errorOf = async (run: Promise<unknown>): Promise<InterceptError> => {
  const error = await run.then(
    () => undefined,
    (thrown: unknown) => thrown
  )
  expect(error).toBeInstanceOf(InterceptError)
  return error as InterceptError
}

it('returns the text as the editor left it', async () => {
  const EDITOR = await editor("fs.writeFileSync(file, fs.readFileSync(file, 'utf8').toUpperCase() + '🧀')")
  expect(await edit('naïve\n', { EDITOR })).toBe('NAÏVE\n🧀')
})

it('follows an editor that puts another file in the place', async () => {
  const EDITOR = await editor("fs.writeFileSync(file + '~', 'new'); fs.renameSync(file + '~', file)")
  expect(await edit('old', { EDITOR })).toBe('new')
})

it('returns nothing when the text is the same, the file is gone or the editor failed', async () => {
  expect(await edit('a', { EDITOR: await editor('') })).toBeUndefined()
  expect(await edit('a', { EDITOR: await editor('fs.rmSync(file)') })).toBeUndefined()
  expect(await edit('a', { EDITOR: await editor("fs.writeFileSync(file, 'b'); process.exit(1)") })).toBeUndefined()
  expect(await edit('a', { EDITOR: await editor("fs.writeFileSync(file, 'b'); process.kill(process.pid, 'SIGKILL')") })).toBeUndefined()
})

it('lets nobody else read the file, and names it after its language', async () => {
  const report = path.join(folder, 'report.json')
  const EDITOR = await editor(
    `const mode = name => (fs.statSync(name).mode & 0o777).toString(8)
     const dir = file.slice(0, file.lastIndexOf('/'))
     fs.writeFileSync(${JSON.stringify(report)}, JSON.stringify({ file: mode(file), dir: mode(dir), name: file.slice(dir.length) }))`
  )
  const before = process.umask(0)
  try {
    await edit('a', { EDITOR })
  } finally {
    process.umask(before)
  }
  expect(JSON.parse(await readFile(report, 'utf8'))).toEqual({ file: '600', dir: '700', name: '/request.http' })
})

it('takes VISUAL before EDITOR, with arguments, and skips an empty one', async () => {
  const command = await editor("fs.writeFileSync(file, JSON.stringify([process.argv.slice(2, -1), process.env.A ?? 'unset']))")
  expect(await edit('a', { VISUAL: `${command} --wait "b c"`, EDITOR: 'false', A: 'x' })).toBe('[["--wait","b c"],"x"]')
  expect(await edit('a', { VISUAL: ' ', EDITOR: command })).toBe('[[],"unset"]')
  expect(await edit('a', { EDITOR: `A=y ${command}` })).toBe('[[],"y"]')
})

it('splits the variable itself where there is no shell', async () => {
  const command = await editor("fs.writeFileSync(file, process.argv.slice(2, -1).join('|'))")
  expect(await edit('a', { EDITOR: `${command} --wait "b c"` }, { platform: 'win32' })).toBe('--wait|b c')
})

it('falls back to vi, and to notepad on Windows', async () => {
  for (const name of ['vi', 'notepad']) {
    const file = path.join(folder, name)
    await writeFile(file, `#!/bin/sh\necho ${name} > "$1"\n`, { mode: 0o755 })
  }
  const env = { PATH: `${folder}:${process.env['PATH']}` }
  expect(await edit('a', env)).toBe('vi\n')
  expect(await edit('a', env, { platform: 'win32' })).toBe('notepad\n')
})

it.each(['linux', 'win32'])('says what to do when there is no such editor (%s)', async platform => {
  expect(await errorOf(edit('a', { EDITOR: 'no-such-editor --wait' }, { platform }))).toMatchObject({
    code: 'BAD_USAGE',
    message: 'the editor no-such-editor --wait was not found',
    hint: 'name one that waits until the file is closed: export EDITOR=nano, or EDITOR="code --wait"'
  })
  const file = path.join(folder, 'plain.txt')
  await writeFile(file, 'text', { mode: 0o644 })
  expect((await errorOf(edit('a', { EDITOR: file }, { platform }))).message).toBe(`the editor ${file} cannot be started`)
})

it('refuses a text that is not UTF-8', async () => {
  const EDITOR = await editor('fs.writeFileSync(file, Buffer.from([0xff]))')
  expect(await errorOf(edit('a', { EDITOR }))).toMatchObject({ code: 'BAD_USAGE', message: 'the edited text is not UTF-8' })
})

it('ends the editor when aborted', async () => {
  const started = path.join(folder, 'started')
  const ended = path.join(folder, 'ended')
  const EDITOR = await editor(
    `process.on('SIGTERM', () => { fs.writeFileSync(${JSON.stringify(ended)}, ''); process.exit() })
     fs.writeFileSync(${JSON.stringify(started)}, '')
     setTimeout(() => {}, 20_000)`
  )
  const controller = new AbortController()
  const running = edit('a', { EDITOR }, { signal: controller.signal })
  await eventually(() => expect(existsSync(started)).toBe(true))
  controller.abort(new Error('enough'))
  await expect(running).rejects.toThrow('enough')
  expect(existsSync(ended)).toBe(true)
})
