package sluice.conformance;

import com.alibaba.nacos.api.NacosFactory;
import com.alibaba.nacos.api.exception.NacosException;
import com.alibaba.nacos.api.naming.NamingService;
import com.alibaba.nacos.api.naming.pojo.Instance;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;

/**
 * One service provider: reads a JSON command per line on stdin, answers a JSON line per command on stdout.
 *
 * <p>Arguments: {@code --address host:port [--username u --password p]}. Commands: {@code {"id":1,"op":"register", "service",
 * "group", "namespace", "ip", "port", "weight", "metadata", "cluster", "ephemeral", "enabled", "healthy"}}; {@code update}
 * is the same; {@code deregister} needs the identity only; {@code quit}. Answers: {@code {"id":1,"ok":true,"at":<ms>}},
 * {@code at} being the wall clock when the SDK call returned, or {@code ok:false} with {@code error}. End of input means
 * quit, so that a provider never outlives whoever started it.
 */
public final class NacosProvider {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Properties connection = new Properties();
    private final Map<String, NamingService> byNamespace = new HashMap<>();

    private NacosProvider(String[] args) {
        for (int i = 0; i + 1 < args.length; i += 2) {
            switch (args[i]) {
                case "--address" -> connection.setProperty("serverAddr", args[i + 1]);
                case "--username" -> connection.setProperty("username", args[i + 1]);
                case "--password" -> connection.setProperty("password", args[i + 1]);
                default -> throw new IllegalArgumentException("unknown option " + args[i]);
            }
        }
    }

    public static void main(String[] args) throws Exception {
        PrintStream answers = System.out;
        System.setOut(System.err); // a library that prints must not break the protocol
        NacosProvider provider = new NacosProvider(args);
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            JsonNode command = JSON.readTree(line);
            ObjectNode answer = JSON.createObjectNode();
            answer.set("id", command.get("id"));
            try {
                provider.run(command);
                answer.put("ok", true);
            } catch (Exception e) {
                answer.put("ok", false).put("error", e.toString());
            }
            answer.put("at", System.currentTimeMillis());
            answers.println(JSON.writeValueAsString(answer));
            answers.flush();
            if (command.path("op").asText().equals("quit")) {
                break;
            }
        }
        System.exit(0); // the client's threads are not all daemons
    }

    private void run(JsonNode command) throws NacosException {
        String op = command.path("op").asText();
        if (op.equals("quit")) {
            for (NamingService naming : byNamespace.values()) {
                naming.shutDown();
            }
            return;
        }
        NamingService naming = naming(command.path("namespace").asText("public"));
        String service = command.path("service").asText();
        String group = command.path("group").asText("DEFAULT_GROUP");
        switch (op) {
            case "register", "update" -> naming.registerInstance(service, group, instance(command));
            case "deregister" -> naming.deregisterInstance(service, group, instance(command));
            default -> throw new IllegalArgumentException("unknown op " + op);
        }
    }

    /** One connection per namespace: the client binds a namespace to a connection. */
    private NamingService naming(String namespace) throws NacosException {
        NamingService known = byNamespace.get(namespace);
        if (known == null) {
            Properties properties = new Properties();
            properties.putAll(connection);
            properties.setProperty("namespace", namespace);
            known = NacosFactory.createNamingService(properties);
            byNamespace.put(namespace, known);
        }
        return known;
    }

    private static Instance instance(JsonNode command) {
        Instance instance = new Instance();
        instance.setIp(command.path("ip").asText());
        instance.setPort(command.path("port").asInt());
        instance.setWeight(command.path("weight").asDouble(1));
        instance.setClusterName(command.path("cluster").asText("DEFAULT"));
        instance.setEphemeral(command.path("ephemeral").asBoolean(true));
        instance.setEnabled(command.path("enabled").asBoolean(true));
        instance.setHealthy(command.path("healthy").asBoolean(true));
        instance.setMetadata(JSON.convertValue(
            command.path("metadata").isObject() ? command.get("metadata") : JSON.createObjectNode(),
            new TypeReference<Map<String, String>>() {}));
        return instance;
    }
}
