/** What keys ask for, done: commands of the session, the editor, the clipboard, files. Each ends in one sentence on the screen; nothing throws. */
import { asError, InterceptError } from '../base/errors.ts'
import { osc52 } from '../base/osc52.ts'
import { curlCommand } from '../capture/curl.ts'
import { fitsHar, harText } from '../capture/har.ts'
import type { ExchangeLog, KeptExchange } from '../capture/kept.ts'
import type { Mask } from '../capture/mask.ts'
import { textFromRequest } from '../capture/message-text.ts'
import type { Effect, Model } from './model.ts'
import type { Actions } from './types.ts'

export interface EffectContext {
  readonly log: ExchangeLog
  readonly mask: Mask
  readonly actions: Actions
  /** Runs with the screen away. */
  readonly away: <T>(work: () => Promise<T>) => Promise<T>
  /** Bytes for the terminal itself. */
  readonly write: (text: string) => void
  readonly tmux: boolean
  /** Of this program, for exports. */
  readonly version: string
  /** Something is held by the person already. */
  readonly held: () => boolean
  /** Where the local app of a target listens, e.g. `127.0.0.1:8080`. */
  readonly localOf: (target: string | undefined) => string | undefined
}

/** What changes in the model when it is done; undefined: nothing. `settled`: a weight that was asked for, and is there now or refused. */
export type Outcome = (Partial<Model> & { readonly settled?: number }) | undefined

export async function perform(effect: Effect, context: EffectContext): Promise<Outcome> {
  const settled = effect.kind === 'set' && typeof effect.args['weight'] === 'number' ? { settled: effect.args['weight'] } : {}
  try {
    const outcome = await run(effect, context)
    return outcome === undefined ? undefined : { ...outcome, ...settled }
  } catch (thrown) {
    const error = asError(thrown)
    const hint = error instanceof InterceptError && error.hint !== undefined ? ` – ${error.hint}` : ''
    return { said: { text: `${error.message}${hint}`, tone: 'red' }, ...settled }
  }
}

function run(effect: Effect, context: EffectContext): Promise<Outcome> | Outcome {
  const { actions } = context
  switch (effect.kind) {
    case 'set':
      return actions.run('set', effect.args).then(() => ({ said: { text: effect.done, tone: 'green' } }))
    case 'replay':
      return replay(effect.id, context)
    case 'edit':
      return edit(effect.id, context)
    case 'copy':
      return copy(effect.id, context)
    case 'export':
      return exportHar(effect, context)
    case 'quit':
      actions.quit()
      return { said: { text: 'giving the visitors back; q again leaves at once', tone: 'cyan' } }
    case 'quit-now':
      actions.quitNow()
      return undefined
    case 'suspend':
      return suspend(context)
    case 'redraw':
      return context.away(() => Promise.resolve()).then(() => undefined)
  }
}

/** A stopped process answers nobody: the visitors go back to the cluster for that time. */
async function suspend({ actions, away, held }: EffectContext): Promise<Outcome> {
  const given = held()
    ? false
    : await actions.run('set', { hold: true }).then(
        () => true,
        () => false
      ) // not registered: nobody waits
  await away(() => actions.suspend())
  if (given) await actions.run('set', { release: true })
  return undefined
}

function known(id: string, { log }: EffectContext): KeptExchange {
  const exchange = log.get(id)
  if (exchange === undefined) throw new InterceptError('BAD_USAGE', `#${id} is no longer remembered`)
  return exchange
}

function requestOf(exchange: KeptExchange) {
  if (exchange.request === undefined) throw new InterceptError('BAD_USAGE', `#${exchange.id} is no HTTP request`)
  return exchange.request
}

async function replay(id: string, context: EffectContext, text?: string): Promise<Outcome> {
  const { id: fresh, equal } = await context.actions.run('replay', text === undefined ? { id } : { id, text })
  const said = { text: equal === true ? 'the same answer' : 'another answer', tone: equal === true ? 'green' : 'yellow' } as const
  return { said, view: 'diff', line: 0, diff: { of: id, id: String(fresh) } }
}

async function edit(id: string, context: EffectContext): Promise<Outcome> {
  const request = requestOf(known(id, context))
  const text = await context.away(() => context.actions.edit(textFromRequest(request, { mask: context.mask })))
  if (text === undefined) return { said: { text: 'unchanged: nothing was sent', tone: 'gray' } }
  return replay(id, context, text)
}

function copy(id: string, context: EffectContext): Outcome {
  const exchange = known(id, context)
  const local = context.localOf(exchange.target)
  const { text, variables } = curlCommand(requestOf(exchange), {
    base: `http://${local ?? exchange.request?.host ?? 'localhost'}`,
    mask: context.mask
  })
  const escape = osc52(text, { tmux: context.tmux })
  if (escape === undefined)
    return { said: { text: 'the command is too long for a clipboard; export the exchange instead (x)', tone: 'yellow' } }
  context.write(escape)
  const set = variables.length === 0 ? '' : `; set ${variables.join(', ')} before running it`
  return { said: { text: `#${id} is in the clipboard as a curl command (if this terminal allows it)${set}`, tone: 'green' } }
}

async function exportHar({ name, ids }: { name: string; ids: readonly string[] }, context: EffectContext): Promise<Outcome> {
  const exchanges = ids.flatMap(id => context.log.get(id) ?? []).filter(fitsHar)
  const file = await context.actions.save(
    name,
    harText(exchanges, { mask: context.mask, version: context.version, localOf: context.localOf })
  )
  return { said: { text: `${exchanges.length} exchanges are in ${file}`, tone: 'green' } }
}
