/** The folder that a session may fill: there and empty, or made, with the folders on the way to it. */
import { lstat, mkdir, readdir, realpath, rmdir } from 'node:fs/promises'
import path from 'node:path'
import { errnoOf } from '../base/errors.ts'
import { printable } from '../base/format.ts'
import { cannotWrite, mountFailed } from './failure.ts'
import { MARKER, readMarker } from './mount-marker.ts'

export interface Owner {
  pid: number
  /** Undefined where the system knows none. */
  uid: number | undefined
}

export interface PreparedRoot {
  root: string
  /** Folders on the way to it that were made, the root among them. */
  made: string[]
  /** The root's mode, when it was there. */
  mode: number | undefined
}

/** Throws MOUNT_FAILED where the folder holds anything, is a link, or belongs to somebody else. */
export async function prepareRoot(wanted: string, { pid, uid }: Owner): Promise<PreparedRoot> {
  const shown = printable(wanted)
  const there = await lstat(wanted).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw cannotWrite(wanted, error)
  })
  if (there === undefined) return makeRoot(wanted)
  if (there.isSymbolicLink())
    throw mountFailed(`${shown} is a link`, {
      hint: `name the folder that it leads to: ls -l ${shown}; or another one that is not there yet`
    })
  if (!there.isDirectory()) throw mountFailed(`${shown} is no folder`, { hint: 'name a folder that is empty, or not there yet' })
  if (uid !== undefined && there.uid !== uid)
    throw mountFailed(`${shown} belongs to somebody else`, { hint: `name a folder of your own: ls -ld ${shown}` })
  const names = await readdir(wanted)
  if (names.includes(MARKER)) {
    const other = await readMarker(wanted)
    if (other?.pid === pid) throw mountFailed(`${shown} is named twice`, { hint: 'give each --mount a folder of its own' })
    throw mountFailed(`${shown} holds the files of another session (pid ${other?.pid ?? 'unknown'})`, {
      hint: 'name another folder; if that session has crashed, kubectl intercept leave removes them'
    })
  }
  if (names.length > 0)
    throw mountFailed(`${shown} is not empty`, { hint: 'name a folder that is empty, or not there yet: nothing of yours is overwritten' })
  return { root: await realpath(wanted), made: [], mode: there.mode & 0o7777 }
}

async function makeRoot(wanted: string): Promise<PreparedRoot> {
  const made: string[] = []
  try {
    for (let folder = wanted; ; folder = path.dirname(folder)) {
      if ((await lstat(folder).catch(() => undefined)) !== undefined || folder === path.dirname(folder)) break
      made.unshift(folder)
    }
    for (const folder of made) await mkdir(folder, { mode: folder === wanted ? 0o700 : 0o755 })
    return { root: await realpath(wanted), made: await Promise.all(made.map(folder => realpath(folder))), mode: undefined }
  } catch (error) {
    for (const folder of made.toReversed()) await rmdir(folder).catch(() => {}) // not made, or in use by now
    throw cannotWrite(wanted, error)
  }
}
