/** What a target's pod has, on this machine, while a session runs: its files, and for a program its environment and its cluster's names. */
import type { Access } from '../access/open-access.ts'
import { asError } from '../base/errors.ts'
import type { Environment } from '../environment/environment.ts'
import type { EventStream } from '../event/stream.ts'
import type { Emit } from '../event/types.ts'
import type { Cluster } from '../kube/types.ts'
import type { Mounted } from '../volumes/mount-files.ts'
import { readAccessFlags } from './access-options.ts'
import { connect } from './connect.ts'
import type { CommandContext } from './context.ts'
import { sayOn, sayWhatIsMissing } from './environment-output.ts'
import { environmentReader } from './load-environment.ts'
import { openMount, report } from './mount-session.ts'

export interface PodHere {
  /** The session's too: one connection. */
  readonly cluster: Cluster
  /** Of a program. */
  readonly environment: Environment | undefined
  readonly access: Access | undefined
  readonly mounted: Mounted | undefined
  /** From now on the session says what there is to say. */
  sayBy(events: EventStream): void
  close(): Promise<void>
}

type Part = { close(): Promise<void> }

/** Throws what the cluster threw; nothing is left open then. `forProgram`: whether one runs here. */
export async function openPodHere(context: CommandContext, word: string, forProgram: boolean): Promise<PodHere> {
  const { io, args } = context
  const readEnvironment = forProgram ? await environmentReader(context, word) : undefined
  const accessFlags = forProgram ? await readAccessFlags(context) : undefined
  const said = new Set<string>()
  const onStderr = sayOn(io)
  let speak = (line: string): void => {
    if (!said.has(line)) onStderr(line)
    said.add(line)
  }
  const say = (line: string): void => speak(line)
  let emit: Emit = () => {}
  const cluster = await connect(context, line => say(`warning: ${line}`))
  const opened: Part[] = [cluster]
  const kept = async <T extends Part>(part: Promise<T>): Promise<T> => {
    const open = await part
    opened.unshift(open)
    return open
  }
  const close = async (): Promise<void> => {
    for (const part of opened) await part.close().catch((error: unknown) => say(`warning: ${asError(error).message}`))
  }
  const all = await Promise.allSettled([
    readEnvironment?.(cluster),
    accessFlags === undefined ? undefined : kept(accessFlags.open(cluster, say, connection => emit('access.connection', connection))),
    args.all('mount').length === 0
      ? undefined
      : kept(openMount(context, { cluster, word, say, onChanged: change => emit('mount.changed', change) }))
  ])
  const failed = all.find(result => result.status === 'rejected')
  const [environment, access, mounted] = all
  if (failed !== undefined || environment.status === 'rejected' || access.status === 'rejected' || mounted.status === 'rejected') {
    await close()
    throw failed?.reason
  }
  if (environment.value !== undefined) sayWhatIsMissing(environment.value, say)
  if (mounted.value !== undefined) report(mounted.value, say)
  return {
    cluster,
    environment: environment.value,
    access: access.value,
    mounted: mounted.value,
    sayBy(events) {
      ;({ emit } = events)
      speak = message => events.emit('notice', { level: 'info', code: 'POD', message })
    },
    close
  }
}
