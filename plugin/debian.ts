/**
 * Debian packages pinned by version and sum, downloaded and not installed. A point release takes old versions from the mirrors: then the newest one of the
 * same Debian release is taken, by its sum in the package index, whose signature apt has checked.
 */
import { createHash } from 'node:crypto'
import { execFile } from 'node:child_process'
import { mkdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { extract } from 'tar-stream'

export interface PinnedPackage {
  name: string
  version: string
  sha256: string
}

/** As pinned, or what stands in for it. */
export interface TakenPackage extends PinnedPackage {
  /** The .deb. */
  file: string
}

export interface DebianOptions {
  /** `bookworm`: no package of another release is taken. */
  release: string
  /** Keeps what was downloaded. */
  cache: string
  env?: NodeJS.ProcessEnv
}

export class PackageUnavailable extends Error {
  override readonly name = 'PackageUnavailable'
  readonly hint: string

  constructor(message: string, hint: string) {
    super(message)
    this.hint = hint
  }
}

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

const run = promisify(execFile)
const has = (file: string, sum: string): Promise<boolean> =>
  readFile(file).then(
    bytes => sha256(bytes) === sum,
    () => false
  )

/** Throws PackageUnavailable. The package lists are updated once at most. */
export function debianPackages({ release, cache, env = process.env }: DebianOptions): (pinned: PinnedPackage) => Promise<TakenPackage> {
  const options = { cwd: cache, env: { ...env, LC_ALL: 'C' } }
  const fileOf = ({ name, version }: PinnedPackage): string => path.join(cache, `${name}_${version.replaceAll(':', '%3a')}_amd64.deb`)
  let updated: Promise<unknown> | undefined

  const download = ({ name, version }: PinnedPackage): Promise<unknown> =>
    run('apt-get', ['-q', '-o', 'APT::Sandbox::User=root', 'download', `${name}:amd64=${version}`], options)
  const update = (): Promise<unknown> => (updated ??= run('apt-get', ['-q', 'update'], options).catch(() => {})) // the download tells
  const isNewer = (version: string, than: string): Promise<boolean> =>
    run('dpkg', ['--compare-versions', version, 'gt', than]).then(
      () => true,
      () => false
    )
  /** The newest version of this release, if that is newer than the pinned one: lists may be old. */
  const successor = async (pinned: PinnedPackage): Promise<PinnedPackage | undefined> => {
    const { stdout } = await run('apt-cache', ['madison', `${pinned.name}:amd64`], options)
    const version = stdout.split('\n').flatMap(line => {
      const [, found = '', source = ''] = line.split('|').map(word => word.trim())
      const [suite = ''] = source.split(' ')[1]?.split('/') ?? []
      return [release, `${release}-updates`, `${release}-security`].includes(suite) ? [found] : []
    })[0]
    if (version === undefined || !(await isNewer(version, pinned.version))) return undefined
    const { stdout: record } = await run('apt-cache', ['show', `${pinned.name}:amd64=${version}`], options)
    const sum = /^SHA256: ([0-9a-f]{64})$/m.exec(record)?.[1]
    return sum === undefined ? undefined : { name: pinned.name, version, sha256: sum }
  }
  /** False when the mirrors do not have it. */
  const fetched = async (wanted: PinnedPackage): Promise<boolean> => {
    const file = fileOf(wanted)
    if (await has(file, wanted.sha256)) return true
    await mkdir(cache, { recursive: true })
    const found = await download(wanted)
      .catch(() => update().then(() => download(wanted)))
      .then(
        () => true,
        () => false
      )
    if (found && !(await has(file, wanted.sha256)))
      throw new PackageUnavailable(`${path.basename(file)} is not the package with the sum ${wanted.sha256}`, `rm ${file}`)
    return found
  }

  return async pinned => {
    const { name, version, sha256: sum } = pinned
    if (await fetched(pinned)) return { name, version, sha256: sum, file: fileOf(pinned) }
    const next = await successor(pinned).catch(() => undefined)
    if (next !== undefined && (await fetched(next))) return { ...next, file: fileOf(next) }
    const other = next === undefined ? `and apt knows no newer one of ${release}` : `nor can ${next.version}, which replaces it`
    throw new PackageUnavailable(
      `the Debian package ${name} ${version} cannot be downloaded, ${other}`,
      `see what apt has: apt-get update; apt-cache madison ${name}`
    )
  }
}

/** Regular files of a package by path; links to them count as the file. */
export async function filesOf(deb: string): Promise<Map<string, Buffer>> {
  const { stdout } = await run('dpkg-deb', ['--fsys-tarfile', deb], { encoding: 'buffer', maxBuffer: 128 * 1_048_576 })
  const files = new Map<string, Buffer>()
  const links: [string, string][] = []
  const entries = extract()
  Readable.from([stdout]).pipe(entries)
  for await (const entry of entries) {
    const name = path.posix.normalize(entry.header.name)
    const { type, linkname } = entry.header
    const parts: Buffer[] = []
    for await (const part of entry) parts.push(part as Buffer)
    if (type === 'file') files.set(name, Buffer.concat(parts))
    else if (typeof linkname === 'string') links.push([name, path.posix.join(path.posix.dirname(name), linkname)])
  }
  for (const [name, target] of links) {
    const content = files.get(target)
    if (content !== undefined) files.set(name, content)
  }
  return files
}
