/** `kubectl intercept set [TARGET…|PID…] weight=N|split=PERCENT|hold|release`: changes running sessions of this user, over their sockets. */
import { formatShare } from '../../base/format.ts'
import { sendCommand } from '../../control/client.ts'
import { chooseSessions, nameOf, runningSessions } from '../choose-sessions.ts'
import type { CommandContext } from '../context.ts'
import { badUsage, quoted } from '../usage-error.ts'
import { readPercent, readWhole } from '../values.ts'

interface Change {
  args: Readonly<Record<string, unknown>>
  /** What is true when it is done. */
  done: string
}

const EXAMPLE = 'for example: kubectl intercept set nginx weight=30, split=50%, hold, or release'

export async function run({ io, args, clock, stop }: CommandContext): Promise<number> {
  const changes = args.words.filter(isChange)
  const [text, second] = changes
  if (text === undefined) {
    const odd = args.words.find(word => word.includes('='))
    throw badUsage(odd === undefined ? 'nothing was said to set' : `${quoted(odd)} is nothing that can be set`, EXAMPLE)
  }
  if (second !== undefined) throw badUsage(`${quoted(text)} and ${quoted(second)} cannot both be set`, EXAMPLE)
  const change = readChange(text)
  const words = args.words.filter(word => !isChange(word))
  const odd = words.find(word => word.includes('='))
  if (odd !== undefined) throw badUsage(`${quoted(odd)} is nothing that can be set`, EXAMPLE)
  const sessions = await runningSessions(io, clock, stop.drain)
  const failures: unknown[] = []
  await Promise.all(
    chooseSessions(sessions, words, 'set').map(async ({ session, targets }) => {
      try {
        await sendCommand(session.path, 'set', { ...change.args, ...(targets.length === 0 ? {} : { targets }) }, stop.drain)
        io.stdout.write(`${nameOf(session, targets)}: ${change.done}\n`)
      } catch (error) {
        failures.push(error)
      }
    })
  )
  if (failures.length > 0) throw failures[0]
  return 0
}

const isChange = (word: string): boolean => /^(?:weight|split)=/.test(word) || word === 'hold' || word === 'release'

function readChange(text: string): Change {
  if (text === 'hold') return { args: { hold: true }, done: 'held; the cluster serves' }
  if (text === 'release') return { args: { release: true }, done: 'released; visitors reach this laptop again' }
  const value = text.slice(text.indexOf('=') + 1)
  if (text.startsWith('weight=')) {
    const weight = readWhole({ flag: 'weight', text: value }, { min: 1, max: 255, example: 30 })
    return { args: { weight }, done: `weight ${weight}` }
  }
  const split = readPercent({ flag: 'split', text: value })
  return { args: { split }, done: `a share of ${formatShare(split)}` }
}
