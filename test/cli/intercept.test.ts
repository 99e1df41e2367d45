import { EventEmitter } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { InterceptError } from '../../src/base/errors.ts'
import type { Parts } from '../../src/cli/parts.ts'
import type { InterceptContext, InterceptRequest } from '../../src/session/request.ts'
import { eventually } from '../harness/eventually.ts'
import { sampleOf } from '../unit/event/samples.ts'
import { aborted, sayStarted } from './fake-session.ts'
import { runCli } from './run-cli.ts'

let home: string
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'i-'))
})
afterEach(() => rm(home, { recursive: true, force: true }))

type Session = (request: InterceptRequest, context: InterceptContext) => Promise<number>
const withSession = (session: Session): Partial<Parts> => ({ runIntercept: () => Promise.resolve(session) })

/** The request that a command line becomes. */
async function requestOf(line: string, env: Record<string, string> = {}): Promise<InterceptRequest> {
  let seen: InterceptRequest | undefined
  const session: Session = request => {
    seen = request
    return Promise.resolve(0)
  }
  const { stderr } = await runCli(line.split(' '), { parts: withSession(session), home, env })
  if (seen === undefined) throw new Error(stderr)
  return seen
}

describe('the request of a command line', () => {
  it('has every default applied', async () => {
    expect(await requestOf('svc/nginx')).toEqual({
      targets: ['svc/nginx'],
      all: false,
      allNamespaces: false,
      selector: undefined,
      ports: [],
      share: { kind: 'weight', weight: 255 },
      via: { kind: 'auto' },
      filter: undefined,
      manual: undefined,
      credentials: { auth: undefined, ca: undefined, cert: undefined, key: undefined },
      fallback: true,
      returnLimit: 200,
      onPause: 'wait',
      waitForLocal: true,
      throughLaptop: false,
      graceMs: 10_000,
      requireAll: false,
      probePath: '/',
      manner: 'refuse',
      dryRun: false,
      confirmed: false
    })
  })

  it('takes flags that choose requests as one filter, of which all must match', async () => {
    const line = 'svc/nginx --header X-User:a --path /api/* --path ~^/api --method POST --host nginx.local'
    expect((await requestOf(line)).filter?.text).toBe(
      'header.x-user:a and path:/api/* and path:~^/api and method:POST and host:nginx.local'
    )
  })

  it('takes what was written', async () => {
    const line =
      'web cart -p web=3000 --port cart=[::1]:8081:http --split 25% --via port-forward --no-fallback --return-limit 50 --on-pause cluster --no-wait --grace 1m30s --require-all --probe-path /healthz --through-laptop'
    expect(await requestOf(line)).toMatchObject({
      targets: ['web', 'cart'],
      ports: [
        { name: 'web', local: { host: '127.0.0.1', port: 3000 }, remote: undefined },
        { name: 'cart', local: { host: '::1', port: 8081 }, remote: 'http' }
      ],
      share: { kind: 'split', share: 0.25 },
      via: { kind: 'port-forward' },
      fallback: false,
      returnLimit: 50,
      onPause: 'cluster',
      waitForLocal: false,
      graceMs: 90_000,
      requireAll: true,
      probePath: '/healthz',
      throughLaptop: true
    })
  })

  it('names a tunnel without a cluster, its secrets from the environment', async () => {
    const env = { INTERCEPT_TUNNEL_ID: '10BC451E59DC4C70999E91A30813AC78', INTERCEPT_TUNNEL_AUTH: 'ada:pass:word' }
    expect(await requestOf('--tunnel-server tunnel+ws://h:8421/proxy --entrypoint http://nginx.local -p 8080', env)).toMatchObject({
      targets: [],
      manual: { server: 'tunnel+ws://h:8421/proxy', tunnelId: '10bc451e-59dc-4c70-999e-91a30813ac78', entrypoint: 'http://nginx.local/' },
      credentials: { auth: { user: 'ada', password: 'pass:word' } }
    })
  })

  it('takes --all, a route by URL and a dry run', async () => {
    expect(await requestOf('--all -A -l app=web --yes --via wss://h/p --dry-run')).toMatchObject({
      all: true,
      allNamespaces: true,
      selector: 'app=web',
      confirmed: true,
      via: { kind: 'url', url: 'wss://h/p' },
      dryRun: true
    })
  })
})

describe('a hosted session', () => {
  const samples: Session = (_request, { events }) => {
    for (const type of ['session.started', 'plan.resolved', 'target.state'] as const) {
      const { v: _v, seq: _seq, at: _at, session: _session, type: _type, target, ...body } = sampleOf(type)
      events.emit(type, body as never, target === undefined ? {} : { target })
    }
    return Promise.resolve(0)
  }

  it('is told as plain lines by default', async () => {
    const { code, stdout } = await runCli(['svc/nginx'], { parts: withSession(samples), home })
    expect(code).toBe(0)
    expect(stdout).toContain('nginx  deployment/nginx → localhost:8080\n')
    expect(stdout).toMatch(/^\d\d:\d\d:\d\d {2}nginx {2}verified 38 ms · visitors reach this laptop$/m)
  })

  it('is one event per line with -o json, its error the last', async () => {
    const failing: Session = (request, context) =>
      samples(request, context).then(() => {
        throw new InterceptError('TUNNEL_LOST', 'lost', { hint: 'again' })
      })
    const { code, stdout, stderr } = await runCli(['svc/nginx', '-o', 'json'], { parts: withSession(failing), home })
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as Record<string, unknown>)
    expect([code, stderr]).toEqual([7, ''])
    expect(lines.map(({ type }) => type)).toEqual(['session.started', 'plan.resolved', 'target.state', 'error'])
    expect(lines.map(({ seq }) => seq)).toEqual([1, 2, 3, 4])
    expect(lines[3]).toMatchObject({ code: 'TUNNEL_LOST', message: 'lost', hint: 'again', fatal: true })
  })

  it('hears of its command line without secrets', async () => {
    let heard = ''
    const session: Session = (_request, { commandLine }) => {
      heard = commandLine
      return Promise.resolve(0)
    }
    const id = '10bc451e-59dc-4c70-999e-91a30813ac78'
    const line = `--tunnel-server ws://u:geheim@h/p --tunnel-id ${id} --token abc --tunnel-auth a:b -p 1`
    await runCli(line.split(' '), { parts: withSession(session), home })
    expect(heard).toBe('kubectl intercept --tunnel-server=ws://…@h/p --tunnel-id=… --token=… --tunnel-auth=… --port=1')
  })

  it('drains on the first Ctrl-C and exits with 0', async () => {
    const signals = new EventEmitter()
    const session: Session = async (_request, { drain }) => {
      setImmediate(() => signals.emit('SIGINT'))
      await aborted(drain)
      return 0
    }
    expect(await runCli(['svc/a'], { parts: withSession(session), signals, home })).toMatchObject({ code: 0, atOnce: false })
    expect(signals.eventNames()).toEqual([])
  })

  it('leaves at once on a SIGTERM after the Ctrl-C, though the session hangs', async () => {
    const signals = new EventEmitter()
    const session: Session = async (_request, { drain }) => {
      setImmediate(() => signals.emit('SIGINT'))
      await aborted(drain)
      setImmediate(() => signals.emit('SIGTERM'))
      return new Promise<never>(() => {})
    }
    expect(await runCli(['svc/a'], { parts: withSession(session), signals, home })).toMatchObject({ code: 143, atOnce: true })
  })

  it('takes a reader that closed stdout for a Ctrl-C', async () => {
    const session: Session = async (_request, { drain }) => {
      await aborted(drain)
      return 0
    }
    const { code } = await runCli(['svc/a', '-o', 'json'], {
      parts: withSession(session),
      home,
      onStart: io => setImmediate(() => io.stdout.destroy(Object.assign(new Error('gone'), { code: 'EPIPE' })))
    })
    expect(code).toBe(0)
  })

  it('asks on a terminal, and takes only a yes for one', async () => {
    const answers: boolean[] = []
    const session: Session = async (_request, { confirm }) => {
      answers.push((await confirm?.('Intercept 2 tunnels?')) ?? false)
      return 0
    }
    const yes = await runCli(['--all'], { parts: withSession(session), typed: 'y\n', columns: 80, home })
    expect(yes.stderr).toBe('Intercept 2 tunnels? [y/N] ')
    await runCli(['--all'], { parts: withSession(session), typed: '\n', columns: 80, home })
    await runCli(['--all', '--yes'], { parts: withSession(session), home })
    expect(answers).toEqual([true, false, false])
  })

  it('takes a Ctrl-C at a question for a no', async () => {
    const signals = new EventEmitter()
    const session: Session = async (_request, { confirm }) => {
      setImmediate(() => signals.emit('SIGINT'))
      if ((await confirm?.('Go on?')) !== true) throw new InterceptError('CONSENT_NEEDED', 'not confirmed, nothing was intercepted')
      return 0
    }
    const { code, stderr } = await runCli(['--all'], {
      parts: withSession(session),
      typed: '',
      columns: 80,
      signals,
      home,
      env: { NO_COLOR: '1' }
    })
    expect(code).toBe(2)
    expect(stderr).toMatch(/^Go on\? \[y\/N\] \nerror: not confirmed, nothing was intercepted\n/)
  })
})

describe('leave', () => {
  /** A session that runs until it is asked to leave. */
  const running =
    (targets: string[]): Session =>
    async (request, context) => {
      sayStarted(context, targets)
      expect(request.targets.length).toBeGreaterThan(0)
      await aborted(context.drain)
      return 0
    }
  const sockets = () => readdir(path.join(home, '.kubectl-intercept', 'run')).catch(() => [])
  const up = () => eventually(async () => expect(await sockets()).toEqual(['4242.sock']))

  it('ends the running session and waits for it', async () => {
    const session = runCli(['svc/nginx'], { parts: withSession(running(['nginx'])), home })
    await up()
    expect(await runCli(['leave'], { home })).toMatchObject({ code: 0, stdout: 'nginx left\n', stderr: '' })
    expect((await session).code).toBe(0)
    expect(await sockets()).toEqual([])
  })

  it('ends the session of the target that is named, however it is written', async () => {
    const session = runCli(['svc/nginx'], { parts: withSession(running(['nginx'])), home })
    await up()
    const wrong = await runCli(['leave', 'svc/ngnix'], { home })
    expect(wrong).toMatchObject({ code: 5, stdout: '' })
    expect(wrong.stderr).toContain('did you mean kubectl intercept leave nginx?')
    expect(await runCli(['leave', 'svc/nginx'], { home })).toMatchObject({ code: 0, stdout: 'nginx left\n' })
    await session
  })

  it('tells two sessions of one target apart by pid and start, and ends one by its pid', async () => {
    const first = runCli(['svc/nginx'], { parts: withSession(running(['nginx'])), home })
    const second = runCli(['svc/nginx'], { parts: withSession(running(['nginx'])), home, pid: 4343 })
    await eventually(async () => expect(await sockets()).toHaveLength(2))
    const { code, stderr } = await runCli(['leave'], { home })
    expect(code).toBe(5)
    expect(stderr).toMatch(/2 sessions run here: nginx \(pid \d+, since \d\d:\d\d:\d\d\); nginx \(pid \d+, since /)
    expect(stderr).toMatch(/kubectl intercept leave (?:4242|4343), or all: kubectl intercept leave --all/)
    expect(await runCli(['leave', '4343'], { home })).toMatchObject({ code: 0, stdout: 'nginx left\n' })
    expect(await second).toMatchObject({ code: 0 })
    expect(await sockets()).toEqual(['4242.sock'])
    expect(await runCli(['leave'], { home })).toMatchObject({ code: 0 })
    expect(await first).toMatchObject({ code: 0 })
  })

  it('does not end half of a session that cannot be halved', async () => {
    const session = runCli(['web', 'cart'], { parts: withSession(running(['web', 'cart'])), home })
    await up()
    const half = await runCli(['leave', 'web'], { home })
    expect(half.stderr).toContain('one session holds web, cart')
    expect(await runCli(['leave', 'web', 'cart'], { home })).toMatchObject({ code: 0, stdout: 'web, cart left\n' })
    await session
  })
})
