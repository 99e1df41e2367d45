/** `kubectl intercept replay FILE`: recorded requests again, to the local app, with the answers compared. */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { asError, errnoOf, EXIT, InterceptError } from '../../base/errors.ts'
import { eventLines } from '../../event/event-lines.ts'
import { eventStream } from '../../event/stream.ts'
import type { Header } from '../../event/types.ts'
import { parseFilter } from '../../filter/filter.ts'
import { painter } from '../../output/paint.ts'
import { differs, replayLines, replaySummary } from '../../output/replay-lines.ts'
import { type Recorded, readRecording } from '../../replay/recorded.ts'
import { type Destination, replayAll } from '../../replay/replay-all.ts'
import { dialUrl } from '../../transport/dial-url.ts'
import type { CommandContext } from '../context.ts'
import { wantsColor } from '../io.ts'
import { formatFor } from '../output-format.ts'
import { badUsage, quoted } from '../usage-error.ts'
import { readUrl } from '../values.ts'

const EXAMPLE = 'for example: kubectl intercept replay traffic.har --to http://localhost:8080'

export async function run({ io, args, clock, stop }: CommandContext): Promise<number> {
  const format = formatFor('replay', args)
  const [file, more] = args.words
  if (file === undefined) throw badUsage('no recording was named', EXAMPLE)
  if (more !== undefined) throw badUsage(`replay takes one recording, not also ${quoted(more)}`, EXAMPLE)
  const filters = args.all('filter').map(parseFilter)
  const setHeaders = args.all('set-header').map(readHeader)
  const recorded = readRecording(await readText(path.resolve(io.cwd, file), file), file)
  const destination = destinationFor(args.text('to'), recorded)
  const events = eventStream(`replay-${io.pid}`, clock)
  const lines = eventLines(io.stdout)
  if (format === 'json') events.subscribe(lines.push)
  const diff = args.on('diff')
  const paint = painter(wantsColor(io.stdout, io.env))
  const hidden = new Set<string>()
  const count = { sent: 0, equal: 0, different: 0, refused: 0, hidden }
  for await (const replayed of replayAll(recorded.exchanges, {
    clock,
    signal: stop.drain,
    emit: events.emit,
    filters,
    setHeaders,
    destination
  })) {
    if (replayed.refused === undefined) count.sent += 1
    else count.refused += 1
    if (typeof replayed.refused?.details['header'] === 'string') hidden.add(replayed.refused.details['header'])
    if (replayed.comparison?.equal === true) count.equal += 1
    if (differs(replayed)) count.different += 1
    if (format === 'plain') io.stdout.write(`${replayLines(replayed, { paint, diff }).join('\n')}\n`)
    else if (replayed.refused !== undefined) {
      const { message, hint } = replayed.refused
      events.emit('notice', { level: 'warn', code: 'CANNOT_REPLAY', message, ...(hint === undefined ? {} : { hint }) })
    }
  }
  if (count.sent + count.refused === 0)
    throw badUsage(recorded.exchanges.length === 0 ? `${file} holds no request` : 'no request of the recording was chosen', EXAMPLE)
  if (format === 'plain') io.stdout.write(`${replaySummary(count, diff)}\n`)
  await lines.flushed()
  // A check that could send nothing has shown nothing; neither has one of requests that wait for a value.
  return diff && (count.different > 0 || count.sent === 0 || hidden.size > 0) ? EXIT.DIFFERENCES : EXIT.OK
}

async function readText(file: string, name: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new InterceptError('BAD_USAGE', `${quoted(name)} cannot be read (${errnoOf(error) ?? asError(error).message})`, {
      hint: `see whether it is there: ls -l ${name}`,
      cause: error
    })
  }
}

/** `Name: value`; without a value the header is left out of every request. */
function readHeader(text: string): Header {
  const [, name, value = ''] = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)\s*:\s*([\t\x20-\x7e\x80-\xff]*)$/.exec(text) ?? []
  if (name === undefined) throw badUsage('--set-header is not NAME: VALUE', "for example: --set-header 'Authorization: Bearer TOKEN'")
  return [name, value.trim()]
}

function destinationFor(to: string | undefined, { locals }: Recorded): (target: string | undefined) => Destination {
  if (to !== undefined) {
    const there = dialUrl(readUrl({ flag: '--to', text: to }, ['http', 'https'], 'http://localhost:8080'))
    return () => there
  }
  const known = new Map([...locals].map(([target, local]) => [target, dialUrl(new URL(`http://${local}`))]))
  const [only] = known.values()
  return target => {
    const found = (target === undefined ? undefined : known.get(target)) ?? (known.size === 1 ? only : undefined)
    if (found === undefined) throw badUsage('the recording does not say where the local app is', EXAMPLE)
    return found
  }
}
