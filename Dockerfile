# Two stages: build with the Swift toolchain, run on plain Debian with the programs alone.
#   docker build -t strata .
#   docker run -p 127.0.0.1:8080:8080 -p 127.0.0.1:8085:8085 -v strata:/data strata
# With certificates, and kvctl's health check told whom to trust:
#   docker run … -v ./certs:/certs:ro -e STRATA_TLS_CA=/certs/ca.pem -e STRATA_TLS_SERVER_NAME=… \
#     strata --tls-cert /certs/server.pem --tls-key /certs/server.key
FROM swift:6.3-bookworm AS build
WORKDIR /strata
COPY . .
RUN make install DESTDIR=/out

FROM debian:bookworm-slim
RUN apt-get update -qq && \
    apt-get install -y -qq --no-install-recommends libsqlite3-0 liblz4-1 libssl3 libnghttp2-14 zlib1g && \
    rm -rf /var/lib/apt/lists/* && \
    useradd --system --uid 10001 --home-dir /data strata && \
    install -d -o strata /data
COPY --from=build /out/ /usr/local/bin/
USER strata
VOLUME /data
EXPOSE 8080 8085 8086
HEALTHCHECK --interval=10s --timeout=3s CMD ["kvctl", "table", "list"]
# Inside the container every interface is the container's own; publish ports on loopback only.
ENTRYPOINT ["kvserver", "--data-dir", "/data", "--http", "0.0.0.0:8080", "--tcp", "0.0.0.0:8085", "--grpc", "0.0.0.0:8086", "--insecure"]
