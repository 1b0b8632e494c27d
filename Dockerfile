# The session image: Craftassist, with the supervisor as its command. It takes BuildKit, and no frontend from a registry.
#
#   make build                                   from the droidlet checkout at DROIDLET_REF
#   make build CRAFTASSIST_IMAGE=craftassist:old from any Craftassist image that there is
#
# Credentials are never build arguments: `--secret id=aws,src=$HOME/.aws/credentials` and
# `--secret id=git,src=$HOME/.git-credentials` serve the steps that may need them, and leave no trace.

ARG NODE_IMAGE=node:24-bookworm-slim
ARG BASE_IMAGE=shaomai/craftassist:1
ARG CRAFTASSIST_IMAGE=craftassist

# The supervisor: one bundled file, and the Node that package-lock.json pins.
FROM ${NODE_IMAGE} AS supervisor
RUN apt-get update \
 && apt-get install -y --no-install-recommends gcc libc6-dev libisal-dev tini \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci
COPY tsconfig.json ./
COPY scripts/build.ts scripts/bundle.ts scripts/builtin-modules.ts scripts/one-file.ts scripts/install-isal.sh scripts/
COPY scripts/image scripts/image/
COPY native native/
COPY src src/
ARG COMMIT=unknown
# tini-static: the base may have an older C library than this image.
RUN sh scripts/install-isal.sh \
 && COMMIT="${COMMIT}" node_modules/.bin/node scripts/build.ts \
 && install -D --target-directory=/opt/craftassist-session dist/craftassist-session.mjs dist/deflate.node \
 && install --mode=644 /usr/lib/*/libisal.so.2 /opt/craftassist-session/ \
 && install -D --mode=644 --target-directory=/opt/craftassist-session dist/craftassist-session.mjs.LEGAL.txt \
 && install -D "$(readlink -f node_modules/.bin/node)" /opt/craftassist-session/bin/node \
 && install -D /usr/bin/tini-static /opt/craftassist-session/bin/tini \
 && install -D scripts/image/craftassist-session /opt/craftassist-session/bin/ \
 && PATH="/opt/craftassist-session/bin:${PATH}" scripts/image/warm-up.sh

# Craftassist from its sources. The base image has the compilers, Miniconda and npm; it is built on Ubuntu 20.04.
FROM ${BASE_IMAGE} AS craftassist
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
ARG DROIDLET_REPOSITORY=https://github.com/facebookresearch/fairo
# A branch, a tag or a commit.
ARG DROIDLET_REF=main
WORKDIR /droidlet
RUN --mount=type=secret,id=git,target=/root/.git-credentials \
    git init --quiet . \
 && git remote add origin "${DROIDLET_REPOSITORY}" \
 && git config credential.helper store \
 && git fetch --depth 1 origin "${DROIDLET_REF}" \
 && git checkout --quiet --detach FETCH_HEAD \
 && git submodule update --init --recursive --depth 1 --jobs 5 -- droidlet
RUN --mount=type=cache,target=/root/.cache/pip \
    mamba install --yes python=3.8 --file conda.txt -c conda-forge -c pytorch -c nvidia \
 && pip3 install -r requirements.txt -r agents/craftassist/requirements.txt \
 && mamba clean --all --yes
# lld links in a fraction of the time; ccache keeps what was compiled from one build to the next.
RUN --mount=type=cache,target=/cache/.ccache \
    ln -sf "$(command -v ld.lld)" /usr/bin/ld \
 && CC=/usr/local/bin/gcc CXX=/usr/local/bin/g++ make -C droidlet/lowlevel/minecraft \
 && test -x droidlet/lowlevel/minecraft/server/cuberite/Server/Cuberite
# `yes` never ends by itself: as a substitution its broken pipe is nobody's failure.
RUN --mount=type=secret,id=aws,target=/root/.aws/credentials \
    python3 setup.py develop \
 && python3 droidlet/tools/artifact_scripts/try_download.py --agent_name craftassist < <(yes)
RUN npm install --global yarn \
 && yarn --cwd droidlet/dashboard/web install \
 && yarn cache clean

# The server manager, the green button: make build IMAGE_NAME=servermgr IMAGE_TARGET=servermgr
FROM ${NODE_IMAGE} AS servermgr
WORKDIR /servermgr
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev \
 && install --directory --owner=1000 --group=1000 sessions
COPY src src/
ENV SERVERMGR_LISTEN=0.0.0.0:8080
EXPOSE 8080
# The user `node` of the base image.
USER 1000
CMD ["node", "src/servermgr/main.ts"]

# The session image. Everything of the supervisor's is in one layer.
FROM ${CRAFTASSIST_IMAGE} AS session
USER root
RUN --mount=type=bind,from=supervisor,target=/mnt \
    sh /mnt/build/scripts/image/settle.sh /mnt/opt/craftassist-session
WORKDIR /droidlet/workdir
ENV LANG=C.UTF-8 \
    LC_ALL=C.UTF-8 \
    MCDASHBOARD_PORT=80 \
    SESSION_DESTINATION=s3://craftassist/turk_interactions_with_agent \
    SESSION_CHILD_USER=craftassist
# The game, the dashboard for people, then what it is made of: its page, its events and its tools.
EXPOSE 25565 80 3000 2556 2557 9000 5000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["craftassist-session", "health"]
# -s: where the platform has put an init of its own before it, tini still reaps.
ENTRYPOINT ["/opt/craftassist-session/bin/tini", "-s", "--", "craftassist-session"]
CMD []
ARG COMMIT=unknown
ARG VERSION=unknown
ARG DROIDLET_COMMIT=
ENV DROIDLET_COMMIT=${DROIDLET_COMMIT}
LABEL org.opencontainers.image.title="craftassist" \
      org.opencontainers.image.description="A Craftassist session: a Minecraft server and an agent, under a supervisor that saves what they record" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}" \
      org.craftassist.droidlet.revision="${DROIDLET_COMMIT}"
