/** Several people on one tunnel of a real cluster: who gets it, how it is handed over, what is left behind, and what each right is good for. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { arrivals, failed } from '../harness/visitors.ts'
import { article } from './manifests.ts'
import { READER, type Rule, user } from './user.ts'
import { endAll, intercept, kubectl, localApp, plugin, type Session, TUNNEL, type World, who, world } from './world.ts'

let people: World
let app: Awaited<ReturnType<typeof localApp>>
let ada: string
let bob: string
const sessions: Session[] = []
const start = (kubeconfig: string, ...args: string[]): Session => {
  const session = intercept(people.namespace, 'svc/nginx', '--port', String(app.port), '--kubeconfig', kubeconfig, ...args)
  sessions.push(session)
  return session
}

interface Lease {
  metadata: { name: string; ownerReferences?: { kind: string; name: string }[] }
}
const leases = (): Lease[] => (JSON.parse(people.kubectl('get', 'leases', '-o', 'json')) as { items: Lease[] }).items
const claims = (session: Session): string[] => session.events.flatMap(event => (event.type === 'claim' ? [event.action] : []))
const left = async (): Promise<void> => {
  for (const session of sessions.splice(0)) await session.stop()
  await eventually(() => expect(leases()).toEqual([]), { intervalMs: 200 })
}
const TAKEN = /^\S+@\S+ has nginx since [\d :-]+ \(all visitors\)/
const refusal = async (session: Session, message: RegExp = TAKEN): Promise<void> => {
  expect(await session.exit).toBe(10)
  expect(session.events.at(-1)).toMatchObject({ type: 'error', code: 'TAKEN', message: expect.stringMatching(message) })
  expect(session.events.filter(({ type }) => type === 'connector.state')).toEqual([])
}

const PAGE = readFileSync(path.join(import.meta.dirname, '../../docs/people.md'), 'utf8')
/** What the page tells to type, and what was typed here. */
const told = new Set([...PAGE.matchAll(/^\$ (.*)$|\| `(kubectl .*?)` \|/gm)].map(([, line, cell]) => line ?? cell))
const typed = new Set<string>()
/** A line of the page, as this user, in this namespace, with a free port. */
const words = (line: string, kubeconfig: string): string[] => {
  typed.add(line)
  const [, ...args] = line.replace('8080', String(app.port)).split(' ')
  return [...args, '-n', people.namespace, '--kubeconfig', kubeconfig]
}
const type = (line: string, kubeconfig: string): Session => {
  const [, ...args] = words(line, kubeconfig)
  const session = intercept(people.namespace, ...args)
  sessions.push(session)
  return session
}
const typeOnce = (line: string, kubeconfig: string): string => {
  const [command = '', ...args] = words(line, kubeconfig)
  if (command !== 'intercept') return kubectl([command, ...args])
  const { status, stdout, stderr } = plugin(...args)
  expect(`${status} ${stderr}`).toMatch(/^0/)
  return stdout + stderr
}

beforeAll(async () => {
  people = await world('people', article())
  app = await localApp()
  ada = user(people, 'ada', 'edit').kubeconfig
  bob = user(people, 'bob', 'edit').kubeconfig
})
afterEach(left)
afterAll(() => {
  endAll()
  people.remove()
})

describe('two people who may edit', () => {
  it('start within 100 ms of each other, ten times: exactly one has all visitors, and the other is refused by name', async () => {
    for (let round = 0; round < 10; round += 1) {
      const both = [start(ada), start(bob)]
      const loser = await Promise.race(both.map(session => session.exit.then(() => session)))
      const winner = both.find(session => session !== loser)
      await refusal(loser)
      await winner?.state('verified')
      expect(winner === undefined ? [] : claims(winner)).toEqual(['acquired'])
      expect(leases()).toHaveLength(2)
      await left()
    }
  }, 240_000)

  it('hand it over with --takeover: the first ends by itself, with the reason, and the second has all visitors', async () => {
    const first = type('kubectl intercept svc/nginx --port 8080', ada)
    await first.state('verified')
    const load = arrivals({ ...people.visitor, rate: 50 })
    const second = type('kubectl intercept svc/nginx --port 8080 --takeover', bob)
    await second.state('verified')
    expect(await first.exit).toBe(10)
    const servedHere = (): number => second.events.filter(event => event.type === 'exchange.completed').length
    await eventually(() => expect(servedHere()).toBeGreaterThan(20))
    const visits = await load.stop()
    console.log(`a takeover on a stock server under 50 visitors a second: ${failed(visits).length} of ${visits.length} failed`)
    expect(first.events.at(-1)).toMatchObject({ type: 'session.ended', reason: 'takeover', exitCode: 10 })
    expect(claims(first)).toEqual(['acquired', 'taken', 'released'])
    expect(visits.slice(-5).map(each => who(each))).toEqual(Array.from({ length: 5 }, () => 'laptop'))
    expect(leases()).toHaveLength(2)
  })

  it('share it on purpose with --join, are both listed, and one is the holder when the other has left', async () => {
    const first = start(ada)
    await first.state('verified')
    const second = type('kubectl intercept svc/nginx --port 8080 --join', bob)
    await second.event('notice', ({ code, message }) => code === 'SHARED' && message.includes('has nginx too'))
    await second.event('connector.state', ({ to }) => to === 'bound')
    expect(typeOnce('kubectl intercept list -o wide', ada)).toMatch(
      /\S+@\S+ since [\d:]+ \(all visitors\); \S+@\S+ since [\d:]+ \(all visitors\)/
    )
    const data = plugin('list', '-n', people.namespace, '--kubeconfig', ada, '-o', 'json').stdout
    expect(JSON.parse(data)).toMatchObject({ items: [{ sessions: [{ weight: 255 }, { weight: 255 }] }] })
    expect(data).not.toContain(TUNNEL)
    await first.stop()
    await second.event('claim', ({ action }) => action === 'acquired')
  })

  it('are told by a dry run who has it, and that Leases are allowed', async () => {
    await start(ada).state('verified')
    const plan = typeOnce('kubectl intercept svc/nginx --dry-run', bob)
    expect(plan).toMatch(/\S+@\S+ has nginx since [\d:]+ \(all visitors\): refused without --takeover or --join/)
    expect(plan).toContain(`permissions in ${people.namespace}: leases yes`)
  })

  it('do not get in the way of each other with a part, and `set` gives up and claims', async () => {
    const first = start(ada)
    await first.state('verified')
    const second = type('kubectl intercept svc/nginx --port 8080 --weight 1', bob)
    await second.state('registered')
    await second.stop()
    typeOnce('kubectl intercept set nginx weight=1', ada)
    await eventually(() => expect(leases()).toHaveLength(1), { intervalMs: 200 })
    typeOnce('kubectl intercept set nginx weight=255', ada)
    expect(leases()).toHaveLength(2)
    await eventually(() => expect(claims(first)).toEqual(['acquired', 'beside', 'released', 'acquired']))
  })

  it('name the workload as the owner of their Leases, and the tunnel nowhere', async () => {
    await start(ada).state('verified')
    expect(typeOnce('kubectl get leases -l intercept/tunnel', ada)).toMatch(/intercept-[0-9a-f]{16} +\S+@\S+/)
    for (const { metadata } of leases()) expect(metadata.ownerReferences).toMatchObject([{ kind: 'Deployment', name: 'nginx' }])
    expect(people.kubectl('get', 'leases', '-o', 'yaml')).not.toContain(TUNNEL.slice(0, 8))
  })

  it('do not wait for a session of the same machine that was killed', async () => {
    const first = start(ada)
    await first.state('verified')
    process.kill(first.pid, 'SIGKILL')
    await first.exit
    const second = start(ada)
    await second.state('verified')
    await eventually(() => expect(claims(second)).toEqual(['expired', 'acquired']))
    expect(leases()).toHaveLength(2)
  })

  it('leave nothing behind when a takeover is stopped in the middle', async () => {
    const first = start(ada)
    await first.state('verified')
    process.kill(first.pid, 'SIGSTOP')
    try {
      const second = start(bob, '--takeover')
      await second.event('notice', ({ code }) => code === 'TAKEOVER')
      await second.stop()
      expect(leases()).toHaveLength(2)
    } finally {
      process.kill(first.pid, 'SIGCONT')
    }
    // It was asked all the same.
    expect(await first.exit).toBe(10)
  })

  it('take it from a session that is stuck, which gives it up when it wakes', async () => {
    const first = start(ada)
    await first.state('verified')
    process.kill(first.pid, 'SIGSTOP')
    const second = start(bob, '--takeover')
    await second.event('notice', ({ code, message }) => code === 'SHARED' && message.includes('did not step back'))
    await second.event('claim', ({ action }) => action === 'acquired')
    process.kill(first.pid, 'SIGCONT')
    expect(await first.exit).toBe(10)
    await second.state('verified', 90_000)
  }, 120_000)
})

describe('the rights to Leases', () => {
  const only = (name: string, verbs: string[]): string => {
    const rules: Rule[] = verbs.length === 0 ? READER : [...READER, { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs }]
    return user(people, name, rules).kubeconfig
  }

  it.each([
    ['none', []],
    ['create, but not renew', ['get', 'list', 'watch', 'create', 'delete']]
  ])('%s: one warning, and it works', async (name, verbs) => {
    const session = start(only(name.replaceAll(/\W+/g, '-'), verbs))
    await session.state('verified')
    const warnings = session.events.filter(event => event.type === 'notice' && event.code === 'CLAIM_UNAVAILABLE')
    expect(warnings).toHaveLength(1)
    expect(claims(session)).toEqual(['unavailable'])
    expect(leases()).toEqual([])
  })

  it('get and list: others are seen and refuse, cannot be asked, and can be joined', async () => {
    const reader = only('sees', ['get', 'list'])
    await start(ada).state('verified')
    await refusal(start(reader))
    await refusal(start(reader, '--takeover'), /cannot be asked to step back/)
    await start(reader, '--join').event('connector.state', ({ to }) => to === 'bound')
    expect(plugin('svc/nginx', '-n', people.namespace, '--kubeconfig', reader, '--dry-run').stdout).toContain(
      'leases without watch, create'
    )
  })

  it('all but watch: claimed, refused and handed over as with it', async () => {
    const blind = only('blind', ['get', 'list', 'create', 'update', 'delete'])
    const first = start(blind)
    await first.state('verified')
    await refusal(start(ada))
    await start(ada, '--takeover').state('verified')
    expect(await first.exit).toBe(10)
    expect(claims(first)).toEqual(['acquired', 'taken', 'released'])
  })

  it('are those of edit, and not those of view', () => {
    const viewer = user(people, 'viewer', 'view').kubeconfig
    const question = 'kubectl auth can-i create leases.coordination.k8s.io'
    expect(typeOnce(question, ada)).toContain('yes')
    expect(() => typeOnce(question, viewer)).toThrow(expect.objectContaining({ stdout: 'no\n' }))
  })
})

describe('docs/people.md', () => {
  it('tells to type nothing that was not typed here', () => {
    expect([...told].filter(line => line !== undefined && !typed.has(line))).toEqual([])
    expect(told.size).toBeGreaterThan(8)
  })
})
