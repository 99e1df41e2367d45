/** The commands of docs/entrypoints.md do what the page says. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { startApp } from './harness/app.ts'
import { eventually } from './harness/eventually.ts'
import { freePort } from './harness/ports.ts'
import { startCli as start } from './cli/run-cli.ts'

const ID = '10bc451e-59dc-4c70-999e-91a30813ac78'
const page = readFileSync(new URL('../docs/entrypoints.md', import.meta.url), 'utf8')
const file = (name: string): string => fileURLToPath(new URL(`fixtures/certs/${name}`, import.meta.url))

/** The words of each command, in groups of those that follow each other. */
const groups = page.split(/\n\n/).flatMap(block => {
  const lines = block.split('\n').filter(line => /^ {4}\S/.test(line))
  return lines.length === 0
    ? []
    : [
        lines.map(
          line =>
            line
              .trim()
              .match(/'[^']*'|\S+/g)
              ?.map(word => word.replaceAll("'", '')) ?? []
        )
      ]
})

/** The same command with free ports on loopback, a real id, the certificate of the tests, and `app` as the app. */
async function onLoopback(words: readonly string[], app: number, ports: Map<string, number>): Promise<string[]> {
  const portFor = async (written: string): Promise<number> => {
    const port = ports.get(written) ?? (await freePort())
    ports.set(written, port)
    return port
  }
  return Promise.all(
    words.map(async word => {
      let text = word.replaceAll('UUID', ID).replace('tls.crt', file('server.pem')).replace('tls.key', file('server.key'))
      text = text.replace(/:0\/:\d+/, `:0/127.0.0.1:${app}`)
      for (const [match, before = '', written = ''] of text.matchAll(/(:\/\/|=|localhost|^):(\d+)(?=[?=&]|$)/g)) {
        const host = before === 'localhost' ? '127.0.0.1' : `${before}127.0.0.1`
        text = text.replace(match, `${host}:${await portFor(written)}`)
      }
      return text
    })
  )
}

describe('docs/entrypoints.md', () => {
  it('has commands', () => expect(groups.length).toBeGreaterThanOrEqual(4))

  it.each(groups.map((commands, at) => [at, commands] as const))('group %i: every command runs', async (_at, commands) => {
    await using app = await startApp({ name: 'app' })
    const ports = new Map<string, number>()
    const running: ReturnType<typeof start>[] = []
    for (const [program, ...words] of commands) {
      if (program === 'curl') {
        const id = start([
          'sidecar',
          '-L',
          `rtcp://:0/127.0.0.1:${app.port}`,
          '-F',
          `tunnel+ws://127.0.0.1:${ports.get('8421')}?tunnel.id=${ID}&path=/proxy`
        ])
        running.push(id)
        await eventually(() => expect(id.said()).toContain('registered at'))
        const entrypoint = ports.get('80') ?? ports.get('443')
        const { stdout } = await promisify(execFile)('curl', [
          '--silent',
          '--connect-to',
          `::127.0.0.1:${entrypoint}`,
          '--write-out',
          '%{http_version}',
          ...words
        ])
        expect(stdout).toBe('app\n2')
        continue
      }
      const [, part] = words
      const one = start((await onLoopback(words, app.port, ports)).slice(1))
      running.push(one)
      await eventually(() => expect(one.said()).toMatch(part === 'server' ? /tunnel server on port \d+/ : /registered at/))
    }
    for (const one of running.reverse()) expect(await one.stop()).toBe(143)
  })
})
