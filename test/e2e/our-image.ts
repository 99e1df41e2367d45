/** The image of our server and sidecar, in the cluster's registry, and the article's manifests with only `image:` changed. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { ARTICLE } from './world.ts'

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..')
const IMAGE = 'kubectl-intercept:latest'

export function loadOurImage(): void {
  const layout = path.join(root, 'dist', 'image')
  if (!existsSync(layout)) execFileSync(process.execPath, [path.join(root, 'plugin', 'run.mjs'), 'image'], { stdio: 'pipe' })
  execFileSync(path.join(root, 'test', 'cluster', 'load'), [IMAGE, layout], { stdio: 'pipe' })
}

export const ourArticle = (manifests = ARTICLE): string => manifests.replaceAll('image: gogost/gost', `image: ${IMAGE}`)
