/** The sessions of this user on this machine, as `list` shows them: beside the tunnels, or alone where there is no kubeconfig to ask a cluster with. */
import { InterceptError } from '../base/errors.ts'
import { printable } from '../base/format.ts'
import { controlDirectories } from '../control/directory.ts'
import { listSessions } from '../control/sessions.ts'
import { renderSessions } from '../output/session-rows.ts'
import { type ListedSession, type Listing, tunnelData } from '../output/tunnel-rows.ts'
import type { CommandContext } from './context.ts'
import { readKubeFlags } from './kube-options.ts'
import type { FormatOf } from './output-format.ts'

export async function ownSessions({ io, clock, stop }: Pick<CommandContext, 'io' | 'clock' | 'stop'>): Promise<ListedSession[]> {
  const running = await listSessions(controlDirectories(io), { clock, signal: stop.drain, uid: io.uid })
  return running.map(({ pid, info }) => (info === undefined ? silent(pid) : { ...info, answers: true }))
}

const silent = (pid: number): ListedSession => ({
  pid,
  session: '',
  user: '',
  version: '',
  command: '',
  startedAt: '',
  targets: [],
  answers: false
})

/** Throws `why` again where nothing runs here, or where the flags ask for a certain cluster, or for what only a cluster can tell. */
export async function listWithoutCluster(why: unknown, format: FormatOf<'list'>, context: CommandContext): Promise<number> {
  const { args, io, clock } = context
  const clusterMeant = Object.keys(readKubeFlags(args)).length > 0 || args.on('watch') || format === 'name'
  if (!(why instanceof InterceptError) || why.code !== 'KUBECONFIG_INVALID' || clusterMeant) throw why
  const sessions = await ownSessions(context)
  if (sessions.length === 0) throw why
  const listing: Listing = { rows: [], sessions, cluster: { context: '', server: '' }, claims: () => [], now: clock.date() }
  if (format === 'json') io.stdout.write(`${JSON.stringify(tunnelData(listing), null, 2)}\n`)
  else if (format === 'yaml') {
    const { yamlText } = await import('./yaml.ts')
    io.stdout.write(yamlText(tunnelData(listing)))
  } else io.stdout.write(renderSessions(sessions, !args.on('no-headers')))
  io.stderr.write(`only the sessions of this machine: no cluster was asked, ${printable(why.message)}\n`)
  return 0
}
