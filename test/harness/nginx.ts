/** The real nginx, where there is one: on the PATH, or in the Debian package that `test/cluster/build` has fetched. */
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { startProgram } from './child.ts'
import { eventually } from './eventually.ts'
import { freePort } from './ports.ts'

export interface Nginx extends AsyncDisposable {
  readonly port: number
  /** The requests it has answered, oldest first: method and target. Those it refused as malformed are `-`. */
  asked(): readonly string[]
}

/** Unpacked once per process, into a folder that the caller removes. Undefined without nginx. */
export function findNginx(folder: string): string | undefined {
  for (const at of (process.env['PATH'] ?? '').split(':')) if (existsSync(path.join(at, 'nginx'))) return path.join(at, 'nginx')
  const cache = process.env['KIC_CACHE'] ?? path.join(process.env['XDG_CACHE_HOME'] ?? path.join(os.homedir(), '.cache'), 'kic-cluster')
  const [archive] = globSync(path.join(cache, 'debs', 'nginx_*.deb'))
  if (archive === undefined) return undefined
  try {
    execFileSync('dpkg', ['-x', archive, folder])
    const program = path.join(folder, 'usr', 'sbin', 'nginx')
    execFileSync(program, ['-v'], { stdio: 'ignore' })
    return program
  } catch {
    return undefined // made for another machine
  }
}

/** Answers each request with its method and target, without waiting for a body, and keeps its connections. */
export async function startNginx(): Promise<Nginx | undefined> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'ki-nginx-'))
  const program = findNginx(folder)
  if (program === undefined) {
    rmSync(folder, { recursive: true })
    return undefined
  }
  const port = await freePort()
  const log = path.join(folder, 'access.log')
  for (const name of ['body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']) mkdirSync(path.join(folder, name))
  writeFileSync(
    path.join(folder, 'nginx.conf'),
    `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
events {}
http {
  log_format asked '$request_method $request_uri';
  access_log ${log} asked;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  server { listen 127.0.0.1:${port}; location / { return 200 "$request_method $request_uri"; } }
}
`
  )
  const nginx = await startProgram(program, ['-e', 'stderr', '-c', path.join(folder, 'nginx.conf')])
  await eventually(() => existsSync(path.join(folder, 'pid')))
  return {
    port,
    asked: () =>
      readFileSync(log, 'latin1')
        .split('\n')
        .filter(line => line !== ''),
    async [Symbol.asyncDispose]() {
      await nginx.stop()
      rmSync(folder, { recursive: true })
    }
  }
}
