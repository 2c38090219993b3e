// Request-reply and publish-subscribe through jzmq.

import org.zeromq.ZMQ;

public class BothPatterns {
    private static final int ROUNDS = 100;

    private static void expect(boolean condition, String what) {
        if (!condition) {
            System.err.println("both_patterns: " + what);
            System.exit(1);
        }
    }

    private static ZMQ.Socket socket(ZMQ.Context context, int kind) {
        ZMQ.Socket socket = context.socket(kind);
        socket.setReceiveTimeOut(10000);
        return socket;
    }

    private static String bound(ZMQ.Socket socket) {
        return "tcp://127.0.0.1:" + socket.bindToRandomPort("tcp://127.0.0.1");
    }

    public static void main(String[] arguments) {
        System.out.println("libzmq " + ZMQ.getVersionString());
        ZMQ.Context context = ZMQ.context(1);

        ZMQ.Socket server = socket(context, ZMQ.REP);
        ZMQ.Socket client = socket(context, ZMQ.REQ);
        client.connect(bound(server));
        for (int i = 0; i < ROUNDS; i++) {
            client.send("Hello " + i);
            server.send(server.recvStr().replace("Hello", "World"));
            expect(("World " + i).equals(client.recvStr()), "the answer is wrong");
        }
        System.out.println("request-reply: " + ROUNDS + " answers");

        ZMQ.Socket publisher = socket(context, ZMQ.XPUB);
        ZMQ.Socket subscriber = socket(context, ZMQ.SUB);
        subscriber.subscribe("update".getBytes());
        subscriber.connect(bound(publisher));
        expect("\1update".equals(publisher.recvStr()), "the subscription is wrong");
        for (int i = 0; i < ROUNDS; i++) {
            publisher.send("other");
            publisher.send("update " + i);
        }
        for (int i = 0; i < ROUNDS; i++) {
            expect(("update " + i).equals(subscriber.recvStr()), "the update is wrong");
        }
        System.out.println("publish-subscribe: " + ROUNDS + " updates");

        server.close();
        client.close();
        publisher.close();
        subscriber.close();
        context.term();
    }
}
