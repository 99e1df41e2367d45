/** A folder of a test's own, and what is in it. */
import { execFileSync } from 'node:child_process'
import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach } from 'vitest'
import type { Records } from '../../../src/volumes/leftovers.ts'
import type { VolumeFile } from '../../../src/volumes/types.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) {
    // Copies keep folders that may not be written to.
    execFileSync('chmod', ['-R', 'u+rwX', folder])
    rmSync(folder, { recursive: true, force: true })
  }
})

export function newFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'volumes-test-'))
  folders.push(folder)
  return folder
}

/** `path → mode content`, `path → -> target` for links, `path/ → mode`; sorted. Times in names become `..TIME`. */
export function treeOf(root: string): Record<string, string> {
  const found: Record<string, string> = {}
  const walk = (at: string): void => {
    for (const name of readdirSync(path.join(root, at)).sort()) {
      const file = at === '' ? name : `${at}/${name}`
      const stat = lstatSync(path.join(root, file))
      const mode = (stat.mode & 0o7777).toString(8)
      if (stat.isSymbolicLink()) found[stamped(file)] = `-> ${stamped(readlinkSync(path.join(root, file)))}`
      else if (stat.isDirectory()) {
        found[`${stamped(file)}/`] = mode
        walk(file)
      } else found[stamped(file)] = `${mode} ${readFileSync(path.join(root, file), 'utf8')}`
    }
  }
  walk('')
  return found
}

const stamped = (name: string): string => name.replace(/\.\.\d{4}_\d\d_\d\d_\d\d_\d\d_\d\d\.\d+/, '..TIME')

export const fileOf = (name: string, text: string, mode = 0o644): VolumeFile => ({
  path: name,
  bytes: Buffer.from(text),
  mode,
  source: `configmap/app:${name}`,
  secret: false
})

/** Of a process that runs, or not. */
export const recordsOf = (folder: string | undefined, alive = true): Records => ({
  folder,
  pid: 4_242,
  startOf: async () => 'start',
  isAlive: () => alive
})
