/** Something to debug: it counts. */
public class Hello {
  public static void main(String[] arguments) throws InterruptedException {
    for (int count = 0; ; count++) {
      System.out.println("hello " + count);
      Thread.sleep(10_000);
    }
  }
}
