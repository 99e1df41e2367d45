import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { writePrivateFile } from '../../../src/cli/private-file.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})
function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'private file '))
  folders.push(made)
  return made
}

const write = (cwd: string, text: string, content = 'A=1\n'): Promise<void> =>
  writePrivateFile({ flag: '--env-file', text }, content, { cwd, pid: 7 })
const mode = (file: string): string => (statSync(file).mode & 0o777).toString(8)

describe('a private file', () => {
  it('is readable by its owner only, relative to the working directory', async () => {
    const cwd = folder()
    await write(cwd, 'app.env')
    expect([readFileSync(path.join(cwd, 'app.env'), 'utf8'), mode(path.join(cwd, 'app.env'))]).toEqual(['A=1\n', '600'])
    expect(readdirSync(cwd)).toEqual(['app.env'])
  })

  it('takes the place of one that others may read', async () => {
    const cwd = folder()
    writeFileSync(path.join(cwd, 'app.env'), 'old', { mode: 0o644 })
    await write(cwd, 'app.env')
    expect([readFileSync(path.join(cwd, 'app.env'), 'utf8'), mode(path.join(cwd, 'app.env'))]).toEqual(['A=1\n', '600'])
  })

  it('is written where a symlink leads', async () => {
    const cwd = folder()
    writeFileSync(path.join(cwd, 'real.env'), 'old')
    symlinkSync('real.env', path.join(cwd, 'app.env'))
    await write(cwd, 'app.env')
    expect(readFileSync(path.join(cwd, 'real.env'), 'utf8')).toBe('A=1\n')
    expect(readdirSync(cwd).sort()).toEqual(['app.env', 'real.env'])
  })

  it('may be a device', async () => {
    await expect(write('/', '/dev/null')).resolves.toBeUndefined()
    await expect(write('/', '/dev/full')).rejects.toMatchObject({ message: expect.stringContaining('ENOSPC') })
  })

  it.each([
    ['in a folder that is not there', 'none/app.env', 'ENOENT'],
    ['that is a folder', 'taken', 'EISDIR']
  ])('%s is an error that leaves nothing behind', async (_name, text, errno) => {
    const cwd = folder()
    mkdirSync(path.join(cwd, 'taken'))
    chmodSync(path.join(cwd, 'taken'), 0o700)
    await expect(write(cwd, text)).rejects.toMatchObject({
      code: 'BAD_USAGE',
      message: `--env-file: "${text}" cannot be written (${errno})`
    })
    expect(readdirSync(cwd)).toEqual(['taken'])
  })
})
