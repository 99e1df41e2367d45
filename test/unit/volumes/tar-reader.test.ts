import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import path from 'node:path'
import { Readable } from 'node:stream'
import { type Header, pack } from 'tar-stream'
import { describe, expect, it } from 'vitest'
import type { ExecStream } from '../../../src/kube/types.ts'
import { copyOut, type CopySource } from '../../../src/volumes/copy-out.ts'
import { openRoot } from '../../../src/volumes/mount-root.ts'
import { readTar, TAR_LIMITS } from '../../../src/volumes/tar-reader.ts'
import { newFolder, treeOf } from './folder.ts'

type Entry = Partial<Header> & { name: string; text?: string }
const DATE = new Date('2026-01-02T03:04:05Z')

async function tar(entries: readonly Entry[]): Promise<Buffer> {
  const archive = pack()
  for (const { text, ...header } of entries) archive.entry({ mtime: DATE, ...header }, text ?? '')
  archive.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of archive) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

const directory = (name: string, mode = 0o755): Entry => ({ name, type: 'directory', mode })
const link = (name: string, linkname: string): Entry => ({ name, type: 'symlink', linkname })
const GOOD: Entry[] = [
  directory('./'),
  directory('./sub/', 0o555),
  { name: './sub/run', mode: 0o4750, text: '#!' },
  { name: 'new/deep/file', mode: 0o600, text: 'x'.repeat(100_000) },
  link('./here', 'sub/run'),
  link('./out', '/etc/passwd'),
  link('./up', '../x'),
  { name: './hard', type: 'link', linkname: './sub/run', mode: 0o750 },
  { name: './far', type: 'link', linkname: '/etc/passwd' },
  { name: './pipe', type: 'fifo' },
  { name: './null', type: 'character-device' }
]

const read = async (entries: readonly Entry[], options: Partial<Parameters<typeof readTar>[2]> = {}) => {
  const into = newFolder()
  const found = await readTar(Readable.from([await tar(entries)]), into, { platform: 'linux', ...options })
  return { into, found }
}

describe('an archive', () => {
  it('becomes files with their modes and times; what leads out or is no file is left out with a line', async () => {
    const { into, found } = await read(GOOD)
    const tree = treeOf(into)
    expect(tree).toMatchObject({ 'sub/run': '750 #!', here: '-> sub/run', hard: '750 #!', 'new/deep/': '700' })
    expect(Object.keys(tree).sort()).toEqual(['hard', 'here', 'new/', 'new/deep/', 'new/deep/file', 'sub/', 'sub/run'])
    expect(statSync(path.join(into, 'sub/run')).mtime).toEqual(DATE)
    expect([...found.folders].map(([name, { mode }]) => [name, mode])).toEqual([
      ['sub', 0o555],
      ['new', 0o755],
      ['new/deep', 0o755]
    ])
    expect(found.notes).toEqual([
      'far is a hard link to something outside',
      'pipe is a fifo',
      'null is a character-device',
      'out is a link that leads out of the folder',
      'up is a link that leads out of the folder'
    ])
  })

  it.each<[string, Entry[]]>([
    ['an absolute name', [{ name: '/etc/cron.d/x', text: 'x' }]],
    ['a name that climbs', [{ name: 'a/../../x', text: 'x' }]],
    ['a folder that climbs', [directory('../x')]],
    ['a link over a file', [{ name: 'a', text: '' }, link('a', 'b')]],
    [
      'a file twice',
      [
        { name: 'a', text: '1' },
        { name: './a', text: '2' }
      ]
    ],
    ['a file for its folder', [{ name: './', text: '1' }]]
  ])('with %s is refused', async (_what, entries) => {
    await expect(read([{ name: 'first', text: '1' }, ...entries])).rejects.toMatchObject({ code: 'MOUNT_FAILED' })
  })

  it('writes nothing through its own links', async () => {
    const outside = newFolder()
    const entries = [link('a', outside), { name: 'a/file', text: 'x' }]
    await expect(read(entries)).rejects.toThrow('its archive holds a twice')
    expect(readdirSync(outside)).toEqual([])
  })

  it('has an end', async () => {
    const many = Array.from({ length: 11 }, (_, index) => ({ name: String(index), text: 'x'.repeat(100) }))
    await expect(read(many, { limits: { ...TAR_LIMITS, entries: 10 } })).rejects.toThrow('more than 10 entries')
    await expect(read(many, { limits: { ...TAR_LIMITS, bytes: 1_000 } })).rejects.toThrow('more than')
  })

  it('on Windows leaves out names that mean something else there', async () => {
    const { into, found } = await read(
      [
        { name: 'a:stream', text: '' },
        { name: '..\\x', text: '' },
        { name: 'b', text: '' }
      ],
      { platform: 'win32' }
    )
    expect([readdirSync(into), found.notes.length]).toEqual([['b'], 2])
  })

  it.each([100, 512, 700, 1_536, 100_000])('cut after %i bytes is no archive, or says what came before', async length => {
    const whole = await tar(GOOD)
    const into = newFolder()
    await readTar(Readable.from([whole.subarray(0, length)]), into, { platform: 'linux' }).catch((error: unknown) => {
      expect(error).toBeInstanceOf(Error)
    })
  })
})

interface Ran {
  stdout?: Buffer
  stderr?: string
  exitCode?: number
  fails?: Error
}

describe('a copy', () => {
  const never = new AbortController().signal
  const source = (run: (command: readonly string[]) => Ran | Promise<Ran>): CopySource => ({
    cluster: {
      async execStream(_namespace, _pod, { command }): Promise<ExecStream> {
        const { stdout = Buffer.alloc(0), stderr = '', exitCode = 0, fails } = await run(command)
        const ended = fails === undefined ? Promise.resolve({ stderr, exitCode }) : Promise.reject(fails)
        ended.catch(() => {})
        const chunks = async function* () {
          for (let at = 0; at < stdout.length; at += 1_000) yield stdout.subarray(at, at + 1_000)
          if (fails !== undefined) throw fails
        }
        return { stdout: Readable.from(chunks()), ended }
      }
    },
    namespace: 'shop',
    pod: 'web-0',
    container: 'app',
    platform: 'linux',
    signal: never
  })
  const setup = async () => {
    const root = await openRoot(path.join(newFolder(), 'root'), { pid: 1, uid: undefined })
    return { root, left: () => Object.keys(treeOf(root.path)).filter(name => !name.startsWith('.kubectl')) }
  }

  it('of a folder is in its place, with the modes of folders, and goes with the root', async () => {
    const { root } = await setup()
    const commands: string[] = []
    const copied = await copyOut(
      source(async command => {
        commands.push(command.join(' '))
        return { stdout: await tar(GOOD) }
      }),
      '/var/data',
      { root, to: 'var/data' }
    )
    expect(copied).toMatchObject({ files: 3, bytes: 100_002 })
    expect(commands).toEqual(['tar cf - -C /var/data .'])
    expect(treeOf(root.path)).toMatchObject({ 'var/data/sub/': '555', 'var/data/sub/run': '750 #!', 'var/data/here': '-> sub/run' })
    expect(await root.remove()).toEqual([])
  })

  it('of a file asks for it by its name', async () => {
    const { root, left } = await setup()
    const run = async (command: readonly string[]): Promise<Ran> =>
      command.at(-1) === '.'
        ? { stderr: "tar: can't change directory", exitCode: 1 }
        : { stdout: await tar([{ name: './app.conf', text: 'x' }]) }
    expect(await copyOut(source(run), '/etc/app.conf', { root, to: 'etc/app.conf' })).toMatchObject({ files: 1 })
    expect(left()).toEqual(['etc/', 'etc/app.conf'])
  })

  it.each<[string, Ran, string]>([
    ['the container has no tar', { exitCode: 127 }, 'the container has no tar'],
    ['there is no such file', { exitCode: 1, stderr: 'tar: x: No such file' }, 'No such file'],
    ['nothing is allowed', { fails: new Error('you may not get pods/exec') }, 'you may not get pods/exec']
  ])('leaves nothing when %s', async (_what, ran, problem) => {
    const { root, left } = await setup()
    expect(
      await copyOut(
        source(() => ran),
        '/var/data',
        { root, to: 'data' }
      )
    ).toMatchObject({ problem: expect.stringContaining(problem), hint: expect.any(String) })
    expect(left()).toEqual([])
  })

  it('leaves nothing when the pod vanishes at any point', async () => {
    const whole = await tar(GOOD)
    for (const length of [0, 512, 1_024, 2_048, 50_000, whole.length - 512]) {
      const { root, left } = await setup()
      const ran = { stdout: whole.subarray(0, length), fails: new Error('the connection to the container was cut') }
      expect(
        await copyOut(
          source(() => ran),
          '/var/data',
          { root, to: 'data' }
        )
      ).toMatchObject({ problem: expect.stringContaining('was cut') })
      expect(left()).toEqual([])
    }
  })

  it('that is no longer wanted ends, and leaves nothing with its root', async () => {
    const { root } = await setup()
    const stop = new AbortController()
    const { cluster, ...rest } = source(async () => {
      stop.abort(new DOMException('stopped', 'AbortError'))
      return { stdout: (await tar(GOOD)).subarray(0, 50_000), fails: new Error('aborted') }
    })
    await expect(copyOut({ ...rest, cluster, signal: stop.signal }, '/data', { root, to: 'data' })).rejects.toMatchObject({
      name: 'AbortError'
    })
    expect([await root.remove(), existsSync(root.path)]).toEqual([[], false])
  })

  it('leaves nothing when tar is killed between two files', async () => {
    const { root, left } = await setup()
    const first = (await tar([{ name: 'a', text: 'x' }])).subarray(0, 1_024)
    expect(
      await copyOut(
        source(() => ({ stdout: first, exitCode: 137 })),
        '/data',
        { root, to: 'data' }
      )
    ).toMatchObject({ problem: expect.stringContaining('137') })
    expect(left()).toEqual([])
  })

  it('keeps what is whole when tar could not read some files', async () => {
    const { root } = await setup()
    const ran = { stdout: await tar([{ name: 'a', text: 'x' }]), exitCode: 1, stderr: 'tar: b: Permission denied' }
    expect(
      await copyOut(
        source(() => ran),
        '/data',
        { root, to: 'data' }
      )
    ).toMatchObject({ files: 1, notes: ['tar left out: tar: b: Permission denied'] })
  })

  it('does not take the place of something that is there', async () => {
    const { root } = await setup()
    mkdirSync(path.join(root.path, 'data/a'), { recursive: true })
    const stdout = await tar([{ name: 'a', text: 'x' }])
    await expect(
      copyOut(
        source(() => ({ stdout })),
        '/data',
        { root, to: 'data' }
      )
    ).rejects.toMatchObject({ code: 'MOUNT_FAILED' })
    expect(readdirSync(path.join(root.path, 'data'))).toEqual(['a'])
    rmSync(root.path, { recursive: true })
  })
})
