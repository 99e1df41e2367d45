/** `.kubectl-intercept.yaml` beside a command line: where it is looked for, what it adds, what is said of it. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { InterceptError } from '../../src/base/errors.ts'
import type { InterceptContext, InterceptRequest } from '../../src/session/request.ts'
import { type CliResult, runCli } from './run-cli.ts'

const NAME = '.kubectl-intercept.yaml'
let home: string
let project: string
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'i-'))
  project = path.join(home, 'project')
  await mkdir(path.join(project, '.git'), { recursive: true })
})
afterEach(() => rm(home, { recursive: true, force: true }))

interface Seen extends CliResult {
  request: InterceptRequest | undefined
}

async function run(line: string, { cwd = project, env = {} }: { cwd?: string; env?: Record<string, string> } = {}): Promise<Seen> {
  let request: InterceptRequest | undefined
  const session = (given: InterceptRequest, _context: InterceptContext): Promise<number> => {
    request = given
    return Promise.resolve(0)
  }
  const result = await runCli(line.split(' '), { parts: { runIntercept: () => Promise.resolve(session) }, home, cwd, env })
  return { ...result, request }
}
const write = (text: string, folder = project): Promise<void> => writeFile(path.join(folder, NAME), text)

describe('a config file', () => {
  it('gives what was not typed, and is said in one line', async () => {
    await write('defaults:\n  port: 8080\n  weight: 30\n')
    const { request, stdout, stderr } = await run('svc/nginx --dry-run')
    expect(request).toMatchObject({
      targets: ['svc/nginx'],
      share: { kind: 'weight', weight: 30 },
      ports: [{ local: { port: 8080 } }]
    })
    expect(stdout + stderr).toContain('using .kubectl-intercept.yaml: port 8080, weight 30\n')
    expect((await run('svc/nginx --weight 7')).request?.share).toEqual({ kind: 'weight', weight: 7 })
    expect((await run('svc/nginx --split 20')).request?.share).toEqual({ kind: 'split', share: 0.2 })
  })

  it('tells scripts by an event', async () => {
    await write('defaults: {weight: 30, via: port-forward}\n')
    const { stdout, code } = await run('svc/nginx -o json')
    const events = stdout
      .trim()
      .split('\n')
      .map(text => JSON.parse(text) as Record<string, unknown>)
    expect(code).toBe(0)
    expect(events).toMatchObject([
      { type: 'notice', level: 'info', code: 'CONFIG', message: 'using .kubectl-intercept.yaml: weight 30' },
      { type: 'notice', level: 'warn', code: 'CONFIG_IGNORED', message: expect.stringContaining('type --via ROUTE') as string }
    ])
  })

  it('names intercepts, also in --port', async () => {
    await write('intercepts:\n  web: {target: svc/shop-web, port: 3000}\n  cart: {port: 4000}\n')
    expect((await run('web')).request).toMatchObject({ targets: ['svc/shop-web'], ports: [{ name: undefined, local: { port: 3000 } }] })
    expect((await run('web cart --port web=3001')).request).toMatchObject({
      targets: ['svc/shop-web', 'cart'],
      ports: [
        { name: 'cart', local: { port: 4000 } },
        { name: 'svc/shop-web', local: { port: 3001 } }
      ]
    })
    expect((await run('svc/web')).request).toMatchObject({ targets: ['svc/web'], ports: [] })
  })

  it('knows the intercepts when a word is near one', async () => {
    await write('intercepts:\n  front: {target: svc/nginx}\n')
    const gone = (): Promise<number> => Promise.reject(new InterceptError('TARGET_NOT_FOUND', 'there is no frnt'))
    const { stderr } = await runCli(['frnt', '-o', 'plain'], { parts: { runIntercept: () => Promise.resolve(gone) }, home, cwd: project })
    expect(stderr).toContain('did you mean kubectl intercept front?')
  })

  it('gives env the target, container and namespace of a named intercept', async () => {
    await write('intercepts:\n  front: {target: svc/nginx, container: app, port: 1}\n')
    const connectCluster = (): Promise<never> => Promise.reject(new InterceptError('CLUSTER_UNREACHABLE', 'no cluster'))
    const { stderr } = await runCli(['env', 'front'], {
      parts: { connectCluster: () => Promise.resolve(connectCluster) },
      home,
      cwd: project
    })
    expect(stderr).toContain(': front is svc/nginx (another front is typed svc/front), container app\n')
  })

  it('maps ports for --all', async () => {
    await write('ports: {nginx: 8080, cart: 9090}\n')
    const { request } = await run('--all --yes --port cart=1234')
    expect(request?.ports).toMatchObject([
      { name: 'nginx', local: { port: 8080 }, ifThere: true },
      { name: 'cart', local: { port: 1234 } }
    ])
  })

  it('is refused for targets that do not agree', async () => {
    await write('intercepts:\n  web: {weight: 1}\n  cart: {weight: 2}\n')
    const { code, stderr } = await run('web cart')
    expect(code).toBe(2)
    expect(stderr).toContain('web and cart differ in weight by .kubectl-intercept.yaml')
    expect((await run('web cart --weight 3')).code).toBe(0)
  })

  it('is the nearest, not above the repository', async () => {
    const deep = path.join(project, 'a', 'b')
    await mkdir(deep, { recursive: true })
    await write('defaults: {weight: 9}\n', home)
    expect((await run('web', { cwd: deep })).request?.share).toEqual({ kind: 'weight', weight: 255 })
    await write('defaults: {weight: 8}\n')
    const { request, stdout } = await run('web', { cwd: deep })
    expect(request?.share).toEqual({ kind: 'weight', weight: 8 })
    expect(stdout).toContain(`using ${path.join('..', '..', NAME)}: weight 8`)
    await write('defaults: {weight: 7}\n', path.join(project, 'a'))
    expect((await run('web', { cwd: deep })).request?.share).toEqual({ kind: 'weight', weight: 7 })
  })

  it('is looked for up to the home folder, and only here outside of both', async () => {
    await rm(path.join(project, '.git'), { recursive: true })
    await write('defaults: {weight: 9}\n', home)
    expect((await run('web')).request?.share).toEqual({ kind: 'weight', weight: 9 })
    const { stdout } = await runCli(['web', '--dry-run'], {
      parts: { runIntercept: () => Promise.resolve(() => Promise.resolve(0)) },
      home: '/nonexistent',
      cwd: project
    })
    expect(stdout).not.toContain('using')
  })

  it('is another, or none, by the environment', async () => {
    await write('defaults: {weight: 9}\n')
    await writeFile(path.join(home, 'mine.yaml'), 'defaults: {weight: 5}\n')
    expect((await run('web', { env: { KUBECTL_INTERCEPT_CONFIG: '../mine.yaml' } })).request?.share).toMatchObject({ weight: 5 })
    expect((await run('web', { env: { KUBECTL_INTERCEPT_CONFIG: 'off' } })).request?.share).toMatchObject({ weight: 255 })
    const gone = await run('web', { env: { KUBECTL_INTERCEPT_CONFIG: 'gone.yaml' } })
    expect([gone.code, gone.stderr]).toEqual([3, expect.stringContaining('gone.yaml cannot be read: ENOENT')])
  })

  it('that cannot be understood is one sentence with its place', async () => {
    await write('defaults:\n  weigth: 3\n')
    const { code, stderr } = await run('web')
    expect(code).toBe(3)
    expect(stderr).toBe(
      'error: .kubectl-intercept.yaml:2:3: defaults has no key "weigth"\n' +
        'hint:  did you mean weight? Else, to go on without the file: KUBECTL_INTERCEPT_CONFIG=off kubectl intercept …\n' +
        'code:  CONFIG_INVALID\n'
    )
    expect((await run('version')).code).toBe(0)
    expect((await run('--help')).code).toBe(0)
  })

  it.each([
    ['a folder', (file: string) => mkdir(file), 'is a folder'],
    ['huge', (file: string) => writeFile(file, '#'.repeat(70_000)), 'larger than 64 KiB'],
    ['UTF-16', (file: string) => writeFile(file, Buffer.from('\ufeffdefaults: {}', 'utf16le')), 'no UTF-8 text'],
    ['a circle of links', (file: string) => symlink(file, file), 'cannot be read: ELOOP'],
    ['a device', (file: string) => symlink('/dev/zero', file), 'is no regular file']
  ])('that is %s is refused', async (_what, make, message) => {
    await make(path.join(project, NAME))
    const { code, stderr } = await run('web')
    expect([code, stderr]).toEqual([3, expect.stringContaining(message)])
  })

  it('that cannot be read is refused', async () => {
    await symlink(NAME, path.join(project, NAME))
    expect((await run('web')).stderr).toContain('cannot be read: ELOOP')
  })

  it('gives list its namespace and context, and says so on stderr', async () => {
    await write('defaults: {namespace: shop, context: dev, output: json, weight: 3}\n')
    const seen: unknown[] = []
    const list = (...argv: string[]): Promise<CliResult> =>
      runCli(['list', ...argv], {
        parts: {
          connectCluster: () =>
            Promise.resolve(options => {
              seen.push([options.namespace, options.context])
              return Promise.reject(new InterceptError('CLUSTER_UNREACHABLE', 'no cluster'))
            })
        },
        home,
        cwd: project
      })
    expect((await list()).stderr).toMatch(/^using \.kubectl-intercept\.yaml: (?:context dev, namespace shop|namespace shop, context dev)\n/)
    await list('-A', '--context', 'other')
    expect(seen).toEqual([
      ['shop', 'dev'],
      [undefined, 'other']
    ])
  })
})
