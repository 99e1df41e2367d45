/** `kubectl intercept version`. */
import { formatFor } from '../output-format.ts'
import type { CommandContext } from '../context.ts'
import { VERSION } from '../version.ts'

export async function run({ io, args }: CommandContext): Promise<number> {
  const format = formatFor('version', args)
  const facts = { version: VERSION, node: process.versions.node, platform: `${io.platform}-${process.arch}` }
  if (format === 'json') io.stdout.write(`${JSON.stringify(facts, null, 2)}\n`)
  else if (format === 'yaml') {
    const { yamlText } = await import('../yaml.ts')
    io.stdout.write(yamlText(facts))
  } else io.stdout.write(`kubectl-intercept ${facts.version} (node ${facts.node}, ${facts.platform})\n`)
  return 0
}
