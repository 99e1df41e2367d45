/** The marker in a mounted folder: whose it is, and what was put there. A file, so that the next session knows it after a crash. */
import { open, readFile, rename } from 'node:fs/promises'
import path from 'node:path'

export const MARKER = '.kubectl-intercept-mount'

/** A file that was put there once, as it was then: changed by the person, it is theirs. */
export interface PlacedFile {
  path: string
  size: number
  mtimeMs: number
}

export interface Marker {
  v: 1
  nonce: string
  pid: number
  /** Folders on the way to the root that this session made, the root among them. */
  made: string[]
  /** The root's mode before, when it was there. */
  mode: number | undefined
  /** Below the root: folders that `writeVolume` filled. */
  volumes: string[]
  files: PlacedFile[]
  links: string[]
  folders: string[]
}

/** The folder in the root for what is not whole yet. */
export const stagingName = ({ nonce }: Pick<Marker, 'nonce'>): string => `..incoming.${nonce}`

/** At once or not at all. */
export async function saveMarker(root: string, marker: Marker): Promise<void> {
  const file = path.join(root, MARKER)
  const fresh = `${file}.new`
  const handle = await open(fresh, 'w', 0o600)
  try {
    await handle.writeFile(JSON.stringify(marker))
  } finally {
    await handle.close()
  }
  await rename(fresh, file)
}

/** Undefined where there is none that can be read. */
export async function readMarker(root: string): Promise<Marker | undefined> {
  try {
    const read = JSON.parse(await readFile(path.join(root, MARKER), 'utf8')) as Partial<Marker>
    return read.v === 1 && typeof read.nonce === 'string' ? { ...EMPTY, ...read, v: 1, nonce: read.nonce } : undefined
  } catch {
    return undefined
  }
}

const EMPTY = { pid: 0, made: [], mode: undefined, volumes: [], files: [], links: [], folders: [] }
