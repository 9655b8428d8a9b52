package sluice.conformance;

import com.alibaba.nacos.NacosServerBasicApplication;
import com.alibaba.nacos.NacosServerWebApplication;
import com.alibaba.nacos.core.listener.startup.NacosStartUp;
import com.alibaba.nacos.core.listener.startup.NacosStartUpManager;
import com.alibaba.nacos.naming.remote.udp.UdpConnector;
import com.alibaba.nacos.sys.env.DeploymentType;
import com.alibaba.nacos.sys.env.EnvUtil;
import java.io.IOException;
import java.lang.reflect.Field;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;

/**
 * Brings up a standalone Nacos server without console.
 *
 * <p>Settings come from the directory that {@code -Dspring.config.additional-location} names; without it, and with no
 * application.properties on the class path, the server refuses to start. Data goes to {@code -Dnacos.home}. The two
 * Spring contexts and their order are those of the server's own launcher.
 */
public final class NacosServer {
    public static void main(String[] args) throws Exception {
        exitWhenStdinCloses();
        System.setProperty("nacos.standalone", "true");
        EnvUtil.setDeploymentType(DeploymentType.SERVER);
        NacosStartUpManager.start(NacosStartUp.CORE_START_UP_PHASE);
        ConfigurableApplicationContext core =
            new SpringApplicationBuilder(NacosServerBasicApplication.class).web(WebApplicationType.NONE).run(args);
        moveUdpToLoopback(core.getBean(UdpConnector.class));
        NacosStartUpManager.start(NacosStartUp.WEB_START_UP_PHASE);
        new SpringApplicationBuilder(NacosServerWebApplication.class).parent(core).run(args);
    }

    /** So that no server outlives a test run that was killed: the run holds the other end of the pipe. */
    private static void exitWhenStdinCloses() {
        Thread watcher = new Thread(() -> {
            try {
                while (System.in.read() >= 0) {
                    // nothing is sent; only the end counts
                }
            } catch (IOException closed) {
                // as good as the end
            }
            Runtime.getRuntime().halt(0);
        }, "stdin-watcher");
        watcher.setDaemon(true);
        watcher.start();
    }

    /** The socket of the old UDP push binds to all interfaces and takes no setting. Its reader survives the swap. */
    private static void moveUdpToLoopback(UdpConnector connector) throws Exception {
        Field field = UdpConnector.class.getDeclaredField("udpSocket");
        field.setAccessible(true);
        DatagramSocket open = (DatagramSocket) field.get(connector);
        field.set(connector, new DatagramSocket(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)));
        open.close();
    }

    private NacosServer() {}
}
