/** `kubectl intercept env TARGET --mount …`: the container's files in a folder here, until Ctrl-C. */
import { stat } from 'node:fs/promises'
import path from 'node:path'
import type { Clock } from '../base/clock.ts'
import { EXIT } from '../base/errors.ts'
import { formatBytes } from '../base/format.ts'
import type { Mounted, MountRequest, Placed } from '../volumes/mount-files.ts'
import { runAside } from './aside.ts'
import { connect } from './connect.ts'
import type { CommandContext } from './context.ts'
import { sayOn } from './environment-output.ts'
import type { Io } from './io.ts'
import { cleanLeftovers, mountRecords } from './leftovers.ts'
import { badUsage } from './usage-error.ts'

/** Nothing else may keep the process: a template without ConfigMaps has nothing to follow. */
const KEEP_ALIVE_MS = 60_000

export async function runMount(context: CommandContext, word: string): Promise<number> {
  const { io, stop } = context
  const say = sayOn(io)
  for (const line of await cleanLeftovers(io)) say(line)
  const cluster = await connect(context, line => say(`warning: ${line}`))
  try {
    return await runAside(context, { kind: 'mount', cluster }, async events => {
      const mounted = await openMount(context, { cluster, word, say, onChanged: change => events.emit('mount.changed', change) })
      try {
        report(mounted, say)
        say(mounted.placed.length === 0 ? 'no files; Ctrl-C ends this' : 'the files are there until Ctrl-C')
        await untilStopped(stop.drain, context.clock)
      } finally {
        await mounted.close()
      }
      return mounted.missing.length > 0 ? EXIT.DIFFERENCES : EXIT.OK
    })
  } finally {
    await cluster.close()
  }
}

interface Opening {
  cluster: Awaited<ReturnType<typeof connect>>
  word: string
  say: (line: string) => void
  onChanged?: MountRequest['onChanged']
}

/** Throws BAD_USAGE, MOUNT_FAILED, and what the cluster threw. */
export async function openMount(
  { command, args, io, stop, clock, log }: CommandContext,
  { cluster, word, say, onChanged }: Opening
): Promise<Mounted> {
  const [{ mountFiles }, { readMountWords }, { findTargetPod }, { chooseContainer }, { parseTargetOf }] = await Promise.all([
    import('../volumes/mount-files.ts'),
    import('../volumes/mount-words.ts'),
    import('../resolve/target-pod.ts'),
    import('../resolve/choose-container.ts'),
    import('../resolve/target.ts')
  ])
  const { namespace } = cluster
  const found = await findTargetPod(cluster, parseTargetOf(command === 'env' ? 'kubectl intercept env' : 'kubectl intercept', word), {
    namespace,
    signal: stop.drain
  })
  const { container, note } = chooseContainer(found.facts, args.text('container'))
  for (const line of [...found.notes, ...(note === undefined ? [] : [note])]) say(`note: ${line}`)
  const { pod } = found.facts
  const words = readMountWords(args.all('mount'), pod.spec?.volumes?.map(({ name }) => name) ?? [], io.platform)
  if (words.folder !== undefined) await refuseStrange(words.folder, io)
  const here = (typed: string): string => path.resolve(io.cwd, typed)
  return mountFiles(cluster, {
    target: { pod, container, exists: found.exists },
    root: words.folder === undefined ? undefined : here(words.folder),
    copies: words.copies.map(({ from, to }) => ({ from, to: to === undefined ? undefined : here(to) })),
    records: await mountRecords(io),
    uid: io.uid,
    platform: io.platform,
    clock,
    log: log.child('volumes'),
    signal: stop.drain,
    say,
    onChanged
  })
}

const exists = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false
  )

/** A path of the container, typed for one of this machine: no folder is made far from home. */
async function refuseStrange(folder: string, { cwd, home, tmp }: Io): Promise<void> {
  const whole = path.resolve(cwd, folder)
  const isNear = [cwd, home, tmp].some(near => !path.relative(near, whole).startsWith('..'))
  if (!path.isAbsolute(folder) || isNear || (await exists(whole))) return
  throw badUsage(
    `--mount ${folder}: there is no such folder on this machine`,
    `for that path of the container: --mount ${folder}:./${path.basename(folder)}; for a folder here: mkdir ${folder}`
  )
}

export function report({ placed, missing, notes }: Mounted, say: (line: string) => void): void {
  for (const one of placed) say(`${one.path} is ${one.local}: ${whatIsIn(one)}`)
  for (const { what, why } of missing) say(`missing: ${what}: ${why}`)
  for (const note of notes) say(`note: ${note}`)
  for (const hint of new Set(missing.flatMap(({ hint }) => hint ?? []))) say(`hint: ${hint}`)
}

function whatIsIn({ files, copied, followed, volume }: Placed): string {
  if (copied !== undefined) return `a copy, ${count(copied.files)}, ${formatBytes(copied.bytes)}`
  const sources = [...new Set(files.map(({ source }) => source.split(':')[0] ?? ''))]
  return `${count(files.length)} of volume ${volume}${sources.length === 0 ? '' : ` (${sources.join(', ')})`}${followed ? '' : ', not followed (subPath)'}`
}

const count = (files: number): string => (files === 1 ? '1 file' : `${files} files`)

async function untilStopped(signal: AbortSignal, clock: Clock): Promise<void> {
  if (signal.aborted) return
  const timer = clock.every(KEEP_ALIVE_MS, () => {})
  await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
  timer.cancel()
}
