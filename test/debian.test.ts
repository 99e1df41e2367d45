/** Debian packages of the image: the real apt, with lists of its own, and a mirror on loopback that drops versions as a point release does. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { debianPackages, filesOf, type PinnedPackage, sha256, type TakenPackage } from '../plugin/debian.ts'

const hasApt = process.platform === 'linux' && ['/usr/bin/apt-get', '/usr/bin/dpkg-deb'].every(file => readable(file))
function readable(file: string): boolean {
  try {
    return readFileSync(file).length > 0
  } catch {
    return false
  }
}

interface Deb {
  version: string
  bytes: Buffer
}

let folder = ''
let server: Server
/** What the mirror answers, by path. */
let served: Map<string, Buffer>
let asked: string[]
beforeEach(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'debian-test-'))
  served = new Map()
  asked = []
  server = createServer((request, response) => {
    const body = served.get(request.url ?? '')
    asked.push(request.url ?? '')
    response.writeHead(body === undefined ? 404 : 200).end(body)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
})
afterEach(async () => {
  server.closeAllConnections()
  await new Promise(resolve => server.close(resolve))
  rmSync(folder, { recursive: true, force: true })
})

function deb(version: string): Deb {
  const tree = path.join(folder, `libx-${version}`)
  mkdirSync(path.join(tree, 'DEBIAN'), { recursive: true })
  mkdirSync(path.join(tree, 'lib'))
  writeFileSync(path.join(tree, 'lib', 'libx.so.1'), `libx ${version}`)
  writeFileSync(
    path.join(tree, 'DEBIAN', 'control'),
    `Package: libx\nVersion: ${version}\nArchitecture: amd64\nMaintainer: a <a@b>\nDescription: x\n`
  )
  execFileSync('dpkg-deb', ['--root-owner-group', '-b', tree, `${tree}.deb`])
  return { version, bytes: readFileSync(`${tree}.deb`) }
}

const pin = ({ version, bytes }: Deb): PinnedPackage => ({ name: 'libx', version, sha256: sha256(bytes) })
const pool = (version: string): string => `/pool/libx_${version}_amd64.deb`

/** What a suite of the mirror has from now on. */
function release(suite: string, ...debs: Deb[]): void {
  const index = debs.map(({ version, bytes }) =>
    [
      'Package: libx',
      `Version: ${version}`,
      'Architecture: amd64',
      'Maintainer: a <a@b>',
      `Filename: ${pool(version).slice(1)}`,
      `Size: ${bytes.length}`,
      `SHA256: ${sha256(bytes)}`,
      'Description: x'
    ].join('\n')
  )
  const packages = Buffer.from(`${index.join('\n\n')}\n`)
  const about = `Suite: ${suite}\nCodename: ${suite}\nArchitectures: amd64\nComponents: main\nDate: ${new Date().toUTCString()}\n`
  served.set(`/dists/${suite}/main/binary-amd64/Packages`, packages)
  served.set(
    `/dists/${suite}/Release`,
    Buffer.from(`${about}SHA256:\n ${sha256(packages)} ${packages.length} main/binary-amd64/Packages\n`)
  )
  for (const { version, bytes } of debs) served.set(pool(version), bytes)
}

/** Takes one package with an apt that knows nothing but this mirror. */
function take(pinned: PinnedPackage, suites: string): Promise<TakenPackage> {
  const apt = path.join(folder, 'apt')
  for (const each of ['etc/preferences.d', 'state/lists/partial', 'cache/archives/partial'])
    mkdirSync(path.join(apt, each), { recursive: true })
  const mirror = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  writeFileSync(path.join(apt, 'status'), '')
  writeFileSync(
    path.join(apt, 'sources.list'),
    suites
      .split(' ')
      .map(suite => `deb [trusted=yes] ${mirror} ${suite} main\n`)
      .join('')
  )
  writeFileSync(
    path.join(apt, 'apt.conf'),
    `Dir::Etc "${apt}/etc"; Dir::Etc::sourcelist "${apt}/sources.list"; Dir::Etc::sourceparts "-";
Dir::State "${apt}/state"; Dir::State::status "${apt}/status"; Dir::Cache "${apt}/cache";
APT::Architecture "amd64"; APT::Architectures { "amd64"; }; APT::Sandbox::User "root";
Acquire::Languages "none"; Acquire::http::Proxy::127.0.0.1 "DIRECT"; Acquire::Retries "0";`
  )
  const env = { ...process.env, APT_CONFIG: path.join(apt, 'apt.conf') }
  return debianPackages({ release: 'bookworm', cache: path.join(folder, 'debs'), env })(pinned)
}

describe.skipIf(!hasApt)('a pinned Debian package (skipped: no apt on this machine)', () => {
  it('is taken as it is, also when there is a newer one, and not asked for again', async () => {
    const [old, fresh] = [deb('1-1'), deb('1-2')]
    release('bookworm', old, fresh)
    const taken = await take(pin(old), 'bookworm')
    expect(taken).toMatchObject(pin(old))
    expect((await filesOf(taken.file)).get('lib/libx.so.1')?.toString()).toBe('libx 1-1')
    asked = []
    expect(await take(pin(old), 'bookworm')).toEqual(taken)
    expect(asked).toEqual([])
  })

  it('is followed by the newest one of its release, with the sum of the index, when the mirror has it no longer', async () => {
    const [old, fresh, security, trixie] = [deb('1-1'), deb('1-2'), deb('1-3'), deb('2-1')]
    release('bookworm', old)
    release('bookworm-security', old)
    release('trixie', trixie)
    await take(pin(old), 'bookworm bookworm-security trixie')
    // Another machine whose lists are old.
    rmSync(path.join(folder, 'debs'), { recursive: true })
    served.delete(pool('1-1'))
    release('bookworm', fresh)
    release('bookworm-security', security)
    const taken = await take(pin(old), 'bookworm bookworm-security trixie')
    expect(taken).toMatchObject(pin(security))
    expect((await filesOf(taken.file)).get('lib/libx.so.1')?.toString()).toBe('libx 1-3')
  })

  it('is refused when its sum is another one', async () => {
    const [old, other] = [deb('1-1'), deb('1-2')]
    release('bookworm', old)
    await expect(take({ ...pin(old), sha256: pin(other).sha256 }, 'bookworm')).rejects.toMatchObject({ name: 'PackageUnavailable' })
  })

  it('is followed by no older one and by none of another release', async () => {
    release('bookworm', deb('1-0'))
    release('trixie', deb('2-1'))
    await expect(take(pin({ version: '1-1', bytes: Buffer.alloc(0) }), 'bookworm trixie')).rejects.toMatchObject({
      message: 'the Debian package libx 1-1 cannot be downloaded, and apt knows no newer one of bookworm'
    })
  })

  it('is followed by none that is not what the index says', async () => {
    const fresh = deb('1-2')
    release('bookworm', fresh)
    served.set(pool('1-2'), deb('1-3').bytes)
    await expect(take(pin({ version: '1-1', bytes: Buffer.alloc(0) }), 'bookworm')).rejects.toMatchObject({
      message: 'the Debian package libx 1-1 cannot be downloaded, nor can 1-2, which replaces it'
    })
  })
})
