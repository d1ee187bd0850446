# The image contains one static binary and the certificates for checking other
# servers: no shell, no packages, no root.
#
#   docker build -t lethe .
#   docker run -p 127.0.0.1:8787:8787 -v lethe:/data lethe
#
# It uses only features that every builder knows: no cache mounts, and no syntax line
# that a builder would have to download.

# The Go version of go.mod; internal/deploytest compares them.
FROM golang:1.26.8-trixie AS build

# For networks with their own module proxy; otherwise Go's defaults. For networks that
# intercept TLS, pass the certificate of their authority in PEM:
#   docker build --build-arg CA_CERT="$(cat ca.pem)" -t lethe .
ARG GOPROXY
ARG GOSUMDB
ARG CA_CERT
RUN if [ -n "$CA_CERT" ]; then \
      echo "$CA_CERT" >/usr/local/share/ca-certificates/build.crt && update-ca-certificates; fi

# Set by builders that build for other platforms. Time zones are linked in, for the log
# of a container with TZ.
ARG TARGETOS
ARG TARGETARCH
ENV CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH GOFLAGS="-trimpath -buildvcs=false -tags=timetzdata"

WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download

# Compile the slowest dependencies before the source is copied, so that a change of the
# source does not compile them again.
RUN go build github.com/labstack/echo/v4 github.com/ncruces/go-sqlite3/ext/fts5 github.com/ncruces/go-sqlite3/gormlite \
    github.com/tiktoken-go/tokenizer/codec gorm.io/driver/postgres

# .dockerignore includes only what the build needs.
COPY . .
# Without VERSION, the version is the commit in .git/HEAD.
ARG VERSION
RUN ref=$(sed -n 's/^ref: //p' .git/HEAD 2>/dev/null); \
    commit=$(cat ".git/${ref:-HEAD}" 2>/dev/null || sed -n "s|^\([0-9a-f]*\) $ref\$|\1|p" .git/packed-refs 2>/dev/null); \
    short=$(echo "$commit" | cut -c1-12); \
    go build -ldflags "-s -w -X main.version=${VERSION:-dev${short:+-$short}}" -o /image/lethe ./cmd/lethe

# The other files of the image. The second tree belongs to the service's user.
RUN mkdir -p /image/etc/ssl/certs /image/licenses /owned/data /owned/tmp \
    && rm -f /usr/local/share/ca-certificates/build.crt && update-ca-certificates --fresh >/dev/null \
    && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
    && find . -maxdepth 1 \( -name LICENSE -o -name NOTICE \) -exec cp {} /image/licenses/ \; \
    && chmod 700 /owned/data && chmod 1777 /owned/tmp


FROM scratch

ARG VERSION=dev
LABEL org.opencontainers.image.title="Lethe" \
      org.opencontainers.image.description="A self-hosted chat history that finds, recalls and, told to forget, forgets completely" \
      org.opencontainers.image.source="https://github.com/lethe-chat/lethe" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"

COPY --from=build /image/ /
COPY --from=build --chown=65532:65532 /owned/ /

# A number, so that an orchestrator knows that it is not root.
USER 65532:65532

# PATH makes "docker exec ... lethe keys create" work. Commands in the container find the
# service by the file in LETHE_RUNTIME_DIR, which is not in a volume.
ENV PATH=/ \
    LETHE_ADDR=0.0.0.0:8787 \
    LETHE_DATA_DIR=/data \
    LETHE_RUNTIME_DIR=/tmp/lethe

# The directory for files that commands write, such as "--export copy.jsonl".
WORKDIR /data

# The SQLite file, if no PostgreSQL is configured.
VOLUME /data
EXPOSE 8787

HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["/lethe", "health"]

ENTRYPOINT ["/lethe"]
CMD ["serve"]
