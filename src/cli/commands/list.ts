/** `kubectl intercept list`: the tunnels of a namespace, and this user's sessions on this machine. */
import { sleep } from '../../base/clock.ts'
import { asError, InterceptError, isAbort } from '../../base/errors.ts'
import type { ListedClaims } from '../../claim/look.ts'
import type { Cluster } from '../../kube/types.ts'
import { type Listing, renderTunnels, tunnelData, tunnelNames, tunnelNotes } from '../../output/tunnel-rows.ts'
import { printable } from '../../base/format.ts'
import { connect } from '../connect.ts'
import type { CommandContext } from '../context.ts'
import { listWithoutCluster, ownSessions } from '../list-sessions.ts'
import { type FormatOf, formatFor } from '../output-format.ts'
import { badUsage } from '../usage-error.ts'

/** Changes of pods come by a watch; all else (Services, sessions of this machine) is looked at this often. */
const LOOK_MS = 5_000
const SETTLE_MS = 300

interface Query {
  format: FormatOf<'list'>
  namespace: string
  allNamespaces: boolean
  selector: string | undefined
}

interface Looked extends Listing {
  /** Nothing was found, and nothing shows that the namespace exists. */
  namespaceMissing: boolean
}

export async function run(context: CommandContext): Promise<number> {
  const { args, io, stop } = context
  if (args.words.length > 0) {
    throw badUsage('list takes no names', 'choose by labels, as in kubectl intercept list -l app=nginx, or by namespace with -n')
  }
  const format = formatFor('list', args)
  const cluster = await connect(context, line => void io.stderr.write(`warning: ${printable(line)}\n`)).catch(asError)
  if (cluster instanceof Error) return listWithoutCluster(cluster, format, context)
  try {
    const query: Query = { format, namespace: cluster.namespace, allNamespaces: args.on('all-namespaces'), selector: args.text('selector') }
    const first = await look(cluster, query, context)
    await print(first, query, context)
    if (args.on('watch')) await watch(cluster, { query, context, first })
  } catch (error) {
    if (!(isAbort(error) && stop.drain.aborted)) throw error
  } finally {
    await cluster.close()
  }
  return 0
}

async function look(cluster: Cluster, query: Query, { io, clock, stop, log }: CommandContext): Promise<Looked> {
  const [{ listTunnels }, { lookAtClaims }] = await Promise.all([import('../../resolve/list.ts'), import('../../claim/look.ts')])
  const { namespace, allNamespaces, selector } = query
  const now = clock.date()
  const claimsIn = { namespace: allNamespaces ? undefined : namespace, now, signal: stop.drain }
  const [rows, claims, sessions] = await Promise.all([
    listTunnels(cluster, { namespace, allNamespaces, selector, signal: stop.drain }),
    lookAtClaims(cluster, claimsIn).catch((error: unknown): ListedClaims => {
      log.info('claims cannot be seen', { error: asError(error) })
      return { of: () => [] }
    }),
    ownSessions({ io, clock, stop })
  ])
  const namespaceMissing = rows.length === 0 && !allNamespaces && (await isMissing(cluster, namespace, stop.drain))
  return {
    rows,
    sessions,
    cluster: { context: cluster.context, server: cluster.server },
    claims: ({ plan }) => (plan === undefined ? [] : claims.of(plan.tunnelId, plan.namespace)),
    now,
    namespaceMissing
  }
}

async function print(listing: Looked, query: Query, { io, args }: CommandContext): Promise<void> {
  const { format, allNamespaces, namespace } = query
  const { rows } = listing
  if (format === 'json') io.stdout.write(`${JSON.stringify(tunnelData(listing), null, 2)}\n`)
  else if (format === 'yaml') {
    const { yamlText } = await import('../yaml.ts')
    io.stdout.write(yamlText(tunnelData(listing)))
  } else if (format === 'name') io.stdout.write(tunnelNames(listing))
  else {
    if (rows.length > 0)
      io.stdout.write(renderTunnels(listing, { wide: format === 'wide', allNamespaces, headings: !args.on('no-headers') }))
    for (const note of tunnelNotes(listing)) io.stderr.write(`${printable(note)}\n`)
  }
  if (rows.length > 0) return
  if (allNamespaces) io.stderr.write('no gost tunnel found in any namespace\n')
  else if (listing.namespaceMissing) io.stderr.write(`there seems to be no namespace ${printable(namespace)}: kubectl get namespaces\n`)
  else io.stderr.write(`no gost tunnel found in namespace ${printable(namespace)}; everywhere: kubectl intercept list -A\n`)
}

/** Every namespace has this ConfigMap, and who may read no ConfigMap is not told. `namespaces` themselves are rarely allowed to users. */
async function isMissing(cluster: Cluster, namespace: string, signal: AbortSignal): Promise<boolean> {
  try {
    return (await cluster.get('configmaps', namespace, 'kube-root-ca.crt', signal)) === undefined
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof InterceptError) return false
    throw error
  }
}

async function watch(cluster: Cluster, { query, context, first }: { query: Query; context: CommandContext; first: Looked }): Promise<void> {
  const { clock, stop, log } = context
  let dirty = false
  let wake = (): void => {}
  const onChange = (): void => {
    dirty = true
    wake()
  }
  const pods = cluster.watch('pods', { namespace: query.allNamespaces ? undefined : query.namespace }, onChange)
  pods.ready.catch(() => log.info('pods cannot be watched; looking now and then'))
  let last = JSON.stringify(tunnelData(first))
  try {
    for (;;) {
      if (!dirty) {
        const { promise, resolve } = Promise.withResolvers<void>()
        wake = resolve
        const waiting = new AbortController()
        await Promise.race([promise, sleep(clock, LOOK_MS, AbortSignal.any([stop.drain, waiting.signal]))])
        waiting.abort()
      }
      dirty = false
      await sleep(clock, SETTLE_MS, stop.drain)
      const listing = await look(cluster, query, context)
      const text = JSON.stringify(tunnelData(listing))
      if (text !== last) await print(listing, query, context)
      last = text
    }
  } finally {
    await pods.close()
  }
}
