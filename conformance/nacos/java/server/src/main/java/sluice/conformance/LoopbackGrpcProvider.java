package sluice.conformance;

import io.grpc.ServerBuilder;
import io.grpc.ServerProvider;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import java.net.InetAddress;
import java.net.InetSocketAddress;

/**
 * Makes every gRPC server that asks for "a port" listen on loopback only. Nacos' own gRPC servers can be told an
 * address; the Raft server inside cannot and would listen on all interfaces of the machine. Found by ServiceLoader.
 */
public final class LoopbackGrpcProvider extends ServerProvider {
    @Override
    protected boolean isAvailable() {
        return true;
    }

    @Override
    protected int priority() {
        return 10; // the highest one; netty's own provider says 5
    }

    @Override
    protected ServerBuilder<?> builderForPort(int port) {
        return NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
    }
}
