/** Which sessions of this user, and which of their targets, the words of a command mean: by name, by pid, or the only one there is. */
import { InterceptError } from '../base/errors.ts'
import { nearest } from '../base/format.ts'
import { controlDirectories } from '../control/directory.ts'
import { clusterWords, isOfCluster } from '../control/place.ts'
import { listSessions, type RunningSession } from '../control/sessions.ts'
import type { CommandContext } from './context.ts'
import type { Io } from './io.ts'
import type { PlaceHere } from './place-here.ts'
import { quoted } from './usage-error.ts'

export interface Chosen {
  session: RunningSession
  /** Empty: the whole session. */
  targets: string[]
}

/** How the command that asks would be typed. */
export interface Verb {
  hint: (target: string) => string
  /** What to do when several sessions run and none was named. */
  several: (pid: string) => string
  /** It is about visitors: `access` and `env --mount` have none. */
  intercepts?: boolean
}

/** Throws NO_SESSION when none runs. */
export async function runningSessions({ io, clock, stop }: Pick<CommandContext, 'io' | 'clock' | 'stop'>): Promise<RunningSession[]> {
  const sessions = await listSessions(controlDirectories(io), { clock, signal: stop.drain, uid: io.uid })
  if (sessions.length > 0) return sessions
  throw new InterceptError('NO_SESSION', 'no session of this user runs on this machine', {
    hint: 'start one: kubectl intercept svc/nginx --port 8080'
  })
}

const targetsOf = (session: RunningSession): string[] => (session.info?.targets ?? []).map(({ name }) => name)

const KINDS: Readonly<Record<string, string>> = { access: 'access, session', mount: 'env --mount, session' }

export function nameOf(session: RunningSession, targets: readonly string[]): string {
  const names = targets.length > 0 ? targets : targetsOf(session)
  return names.join(', ') || `${KINDS[session.info?.kind ?? ''] ?? 'session'} ${session.pid}`
}

/** `nginx (pid 4242, since 12:04:31)`: enough to tell two sessions of one target apart. */
function introduced(session: RunningSession, here: PlaceHere | undefined): string {
  const { pid, info } = session
  const since = info === undefined || info.startedAt === '' ? '' : `, since ${new Date(info.startedAt).toLocaleTimeString('en-GB')}`
  const where = isElsewhere(session, here) ? `, ${clusterOf(session)}` : ''
  return `${targetsOf(session).join(', ') || session.info?.command || 'a session'} (pid ${pid}${since}${where})`
}

const isElsewhere = ({ info }: RunningSession, here: PlaceHere | undefined): boolean =>
  info !== undefined && !isOfCluster(info, here?.cluster)

const clusterOf = ({ info }: RunningSession): string => (info?.cluster === undefined ? '' : clusterWords(info.cluster))

/** One line for each session that was chosen without naming its cluster. */
export function sayElsewhere(chosen: readonly Chosen[], here: PlaceHere | undefined, { stderr }: Pick<Io, 'stderr'>): void {
  for (const { session, targets } of chosen)
    if (isElsewhere(session, here)) stderr.write(`note: ${nameOf(session, targets)} is of another cluster: ${clusterOf(session)}\n`)
}

export interface Choice {
  sessions: readonly RunningSession[]
  words: readonly string[]
  verb: Verb
  /** Undefined: every session is of this cluster, as far as is known. */
  here?: PlaceHere | undefined
}

/** Throws TARGET_AMBIGUOUS without a word among several, and NO_SESSION for a word that nothing here has. */
export function chooseSessions({ sessions, words, verb, here }: Choice): Chosen[] {
  if (words.length === 0) {
    const meant = withoutName(sessions, verb)
    const [first, second] = meant
    if (first !== undefined && second === undefined) return [{ session: first, targets: [] }]
    throw new InterceptError(
      'TARGET_AMBIGUOUS',
      `${meant.length} sessions run here: ${meant.map(each => introduced(each, here)).join('; ')}`,
      {
        hint: verb.several(String(first?.pid ?? 'PID'))
      }
    )
  }
  const leaving = new Map<RunningSession, Set<string>>()
  for (const word of words) {
    const byPid = sessions.find(({ pid }) => String(pid) === word)
    if (byPid !== undefined) {
      leaving.set(byPid, new Set(targetsOf(byPid)))
      continue
    }
    const found = sessions.flatMap(session => matching(session, word))
    if (found.length === 0) throw unknownTarget(word, sessions, verb)
    const meant = here === undefined ? found : meantHere(found, { word, here, verb })
    refuseSeveral(meant, { word, here, verb })
    for (const { session, target } of meant) leaving.set(session, (leaving.get(session) ?? new Set()).add(target))
  }
  return [...leaving].map(([session, targets]) => ({ session, targets: [...targets] }))
}

/** Throws TARGET_AMBIGUOUS where one name fits several sessions. */
function refuseSeveral(meant: readonly Found[], { word, here, verb }: { word: string } & Pick<Choice, 'here' | 'verb'>): void {
  const sessions = [...new Set(meant.map(({ session }) => session))]
  if (sessions.length < 2) return
  throw new InterceptError(
    'TARGET_AMBIGUOUS',
    `${quoted(word)} fits ${sessions.length} sessions: ${sessions.map(each => introduced(each, here)).join('; ')}`,
    { hint: `name one by its pid: ${verb.hint(String(sessions[0]?.pid))}` }
  )
}

/** Those that intercept go before the others, which have to be named where there are both. */
function withoutName(sessions: readonly RunningSession[], { intercepts }: Verb): readonly RunningSession[] {
  const intercepting = sessions.filter(({ info }) => info?.kind === undefined)
  if (intercepting.length > 0) return intercepting
  if (intercepts !== true) return sessions
  throw new InterceptError('NO_SESSION', 'no session of this user on this machine intercepts anything', {
    hint: 'start one: kubectl intercept svc/nginx --port 8080'
  })
}

interface Found {
  session: RunningSession
  target: string
  namespace: string | undefined
}

/** Of those with that name: the ones of this cluster, and of one namespace. */
function meantHere(found: readonly Found[], { word, here, verb }: { word: string; here: PlaceHere; verb: Verb }): readonly Found[] {
  const inCluster = found.filter(({ session }) => !isElsewhere(session, here))
  const [other] = found
  if (inCluster.length === 0 && other !== undefined) {
    const context = other.session.info?.cluster?.context ?? ''
    const byContext = context === '' ? '' : `, or ${verb.hint(`${word} --context ${context}`)}`
    throw new InterceptError(
      'NO_SESSION',
      `${quoted(word)} is intercepted in another cluster, ${clusterOf(other.session)}, not in ${clusterWords(here.cluster)}`,
      { hint: `by its pid: ${verb.hint(String(other.session.pid))}${byContext}` }
    )
  }
  const inNamespace = inCluster.filter(({ namespace }) => namespace === undefined || namespace === here.namespace)
  const namespaces = [...new Set(inCluster.flatMap(({ namespace }) => namespace ?? []))]
  if (inNamespace.length > 0 || (namespaces.length < 2 && !here.namespaceTyped)) return inNamespace.length > 0 ? inNamespace : inCluster
  throw new InterceptError(
    here.namespaceTyped ? 'NO_SESSION' : 'TARGET_AMBIGUOUS',
    `${quoted(word)} is intercepted in ${namespaces.join(' and ')}, not in namespace ${here.namespace}`,
    { hint: verb.hint(`${word} -n ${namespaces[0] ?? ''}`) }
  )
}

/** By the name on the screen, or as `kind/name` of its workload, or as it was typed when the session was started. */
function matching(session: RunningSession, word: string): Found[] {
  // The plan shows a tunnel's id cut off.
  const typed = word.replace(/…$/, '')
  const [kind, name = kind] = typed.split('/')
  return (session.info?.targets ?? [])
    .filter(target => target.name === typed || target.name === name || target.workload === typed || target.name === `tunnel/${typed}`)
    .map(({ name: target, namespace }) => ({ session, target, namespace }))
}

function unknownTarget(word: string, sessions: readonly RunningSession[], verb: Verb): InterceptError {
  const names = sessions.flatMap(targetsOf)
  const [near] = nearest(word.split('/').at(-1) ?? word, names, 1)
  const hint = near === undefined ? `what runs here: ${names.join(', ')}` : `did you mean ${verb.hint(near)}?`
  return new InterceptError('NO_SESSION', `no session here intercepts ${quoted(word)}`, { hint })
}
