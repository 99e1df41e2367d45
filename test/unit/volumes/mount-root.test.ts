import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { removeLeftovers, writeRecord } from '../../../src/volumes/leftovers.ts'
import { MARKER } from '../../../src/volumes/mount-marker.ts'
import { type MountRoot, openRoot } from '../../../src/volumes/mount-root.ts'
import { writeVolume } from '../../../src/volumes/write-volume.ts'
import { fakeClock } from '../../harness/fake-clock.ts'
import { fileOf, newFolder, recordsOf, treeOf } from './folder.ts'

const who = { pid: 4_242, uid: process.getuid?.() }

async function filled(root: MountRoot): Promise<void> {
  const folder = await root.folder('etc/app')
  await root.note({ volumes: ['etc/app'] })
  await writeVolume(folder, [fileOf('a', '1'), fileOf('d/b', '2')], fakeClock())
  mkdirSync(root.staging)
  mkdirSync(path.join(root.staging, 'sub'))
  writeFileSync(path.join(root.staging, 'sub/one'), 'one')
  writeFileSync(path.join(root.staging, 'two'), 'two')
  symlinkSync('sub/one', path.join(root.staging, 'link'))
  await root.adopt('data', { files: ['sub/one', 'two'], links: ['link'], folders: ['sub'] })
  chmodSync(path.join(root.path, 'data/sub'), 0o555)
  rmSync(root.staging, { recursive: true })
}

function replaced(folder: string, make: () => void): void {
  rmSync(folder, { recursive: true })
  make()
}

describe("a mount's folder", () => {
  it('is made with all above it, closed to others, and gone afterwards', async () => {
    const base = newFolder()
    const root = await openRoot(path.join(base, 'a/b/root'), who)
    expect(statSync(root.path).mode & 0o777).toBe(0o700)
    await filled(root)
    expect(await root.remove()).toEqual([])
    expect(readdirSync(base)).toEqual([])
  })

  it('that was there and empty is there and empty afterwards, with its mode', async () => {
    const base = newFolder()
    chmodSync(base, 0o755)
    const root = await openRoot(base, who)
    await filled(root)
    expect(await root.remove()).toEqual([])
    expect([readdirSync(base), statSync(base).mode & 0o777]).toEqual([[], 0o755])
  })

  it.each<[string, (folder: string) => void, string]>([
    ['holds something', folder => writeFileSync(path.join(folder, 'mine'), ''), 'is not empty'],
    ['is a link', folder => replaced(folder, () => symlinkSync('/tmp', folder)), 'is a link'],
    ['is a file', folder => replaced(folder, () => writeFileSync(folder, '')), 'is no folder']
  ])('that %s is refused and stays as it is', async (_what, make, message) => {
    const folder = path.join(newFolder(), 'root')
    mkdirSync(folder)
    make(folder)
    const before = treeOf(path.dirname(folder))
    await expect(openRoot(folder, who)).rejects.toMatchObject({
      code: 'MOUNT_FAILED',
      message: expect.stringContaining(message),
      hint: expect.any(String)
    })
    expect(treeOf(path.dirname(folder))).toEqual(before)
  })

  it('of somebody else, or of another session, is refused', async () => {
    const folder = newFolder()
    await expect(openRoot(folder, { pid: 1, uid: 12_345 })).rejects.toThrow('belongs to somebody else')
    await openRoot(folder, who)
    await expect(openRoot(folder, who)).rejects.toThrow('is named twice')
    await expect(openRoot(folder, { ...who, pid: 7 })).rejects.toThrow('holds the files of another session (pid 4242)')
  })

  it('below a file is refused, with nothing left', async () => {
    const folder = newFolder()
    writeFileSync(path.join(folder, 'file'), '')
    await expect(openRoot(path.join(folder, 'file/x'), who)).rejects.toMatchObject({ code: 'MOUNT_FAILED' })
    expect(readdirSync(folder)).toEqual(['file'])
  })

  it('keeps what the person added or changed', async () => {
    const root = await openRoot(path.join(newFolder(), 'root'), who)
    await filled(root)
    writeFileSync(path.join(root.path, 'data/two'), 'changed by me')
    writeFileSync(path.join(root.path, 'etc/app/mine'), 'mine')
    expect(await root.remove()).toEqual(['data', 'etc'])
    expect(treeOf(root.path)).toMatchObject({ 'data/two': '644 changed by me', 'etc/app/mine': '644 mine' })
    expect(Object.keys(treeOf(root.path)).filter(name => !name.endsWith('/'))).toEqual(['data/two', 'etc/app/mine'])
  })

  it('is not followed through a link that was put in the way', async () => {
    const base = newFolder()
    const root = await openRoot(path.join(base, 'root'), who)
    await filled(root)
    for (const name of ['etc', 'data']) {
      renameSync(path.join(root.path, name), path.join(base, name))
      symlinkSync(path.join(base, name), path.join(root.path, name))
    }
    const before = treeOf(path.join(base, 'data'))
    await expect(root.folder('etc/app')).rejects.toThrow('is no folder any more')
    expect(await root.remove()).toEqual(['data', 'etc'])
    expect(treeOf(path.join(base, 'data'))).toEqual(before)
    expect(existsSync(path.join(base, 'etc/app/..data'))).toBe(true)
  })

  it('may be gone already', async () => {
    const root = await openRoot(path.join(newFolder(), 'root'), who)
    rmSync(root.path, { recursive: true })
    expect(await root.remove()).toEqual([])
  })
})

describe('what a crash left', () => {
  const setup = async () => {
    const run = path.join(newFolder(), 'run')
    const root = await openRoot(path.join(newFolder(), 'root'), who)
    await writeRecord(recordsOf(run), { root: root.path, nonce: root.nonce })
    await filled(root)
    return { run, root }
  }

  it('is removed once its process is gone, and only then', async () => {
    const { run, root } = await setup()
    expect(await removeLeftovers([run], recordsOf(run))).toEqual([])
    expect(existsSync(path.join(root.path, MARKER))).toBe(true)
    expect(await removeLeftovers([run, '/nonexistent'], recordsOf(run, false))).toEqual([
      `removed the pod's files from ${root.path}, left by a session that crashed (pid 4242)`
    ])
    expect([existsSync(root.path), readdirSync(run)]).toEqual([false, []])
  })

  it('is that of another process with the same pid', async () => {
    const { run, root } = await setup()
    expect(await removeLeftovers([run], { ...recordsOf(run), startOf: async () => 'later' })).toHaveLength(1)
    expect(existsSync(root.path)).toBe(false)
  })

  it('half copied is removed too, and files of the person stay', async () => {
    const { run, root } = await setup()
    mkdirSync(path.join(root.staging, 'half'), { recursive: true })
    writeFileSync(path.join(root.path, 'etc/mine'), '')
    expect(await removeLeftovers([run], recordsOf(run, false))).toEqual([expect.stringContaining('was changed: etc')])
    expect(Object.keys(treeOf(root.path))).toEqual(['etc/', 'etc/mine'])
  })

  it('is not touched without the marker that the record names', async () => {
    const { run, root } = await setup()
    writeFileSync(path.join(root.path, MARKER), JSON.stringify({ v: 1, nonce: 'another', volumes: ['etc/app'] }))
    const before = treeOf(root.path)
    expect(await removeLeftovers([run], recordsOf(run, false))).toEqual([])
    expect([treeOf(root.path), readdirSync(run)]).toEqual([before, []])
  })

  it('is no reason to read other files, or to fail on a broken record', async () => {
    const { run } = await setup()
    for (const name of ['1.sock', '1.mount.json', '1.0123abcd.mount.json']) writeFileSync(path.join(run, name), '{')
    await removeLeftovers([run], recordsOf(run, false))
    expect(readdirSync(run).sort()).toEqual(['1.mount.json', '1.sock'])
  })
})
